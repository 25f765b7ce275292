import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Verdict } from '../../models/waf/proof.ts';
import type { WafMatch } from '../../models/waf/request.ts';
import { requestPart } from '../../models/waf/target.ts';
import type { Line } from '../../processors/event.ts';
import { modsecurity, type WafRule } from '../../processors/parse/modsecurity.ts';
import { newSourceMemory } from '../../processors/parse/source-memory.ts';
import { UTC } from '../../processors/time.ts';

const CHUNK = 1 << 20;
const POLL_MS = 10;
const PATIENCE_MS = 15_000;

/** Reads the audit log of an engine that is running, from where it was left. */
export class AuditVerdicts {
  private readonly path: string;
  private handle: FileHandle | undefined;
  private offset = 0;
  private rest = '';
  private readonly decoder = new TextDecoder();
  private readonly verdicts = new Map<string, Verdict>();

  constructor(path: string) {
    this.path = path;
  }

  /**
   * All verdicts up to that of `last`, which was sent after the others were answered; the engine writes one request after the other. What it refused before
   * any rule saw it is not among them. Rejects if `last` does not come.
   */
  async upTo(last: string): Promise<ReadonlyMap<string, Verdict>> {
    for (let waited = 0; !this.verdicts.has(last); waited += POLL_MS) {
      if (waited > PATIENCE_MS)
        throw new Error(`the engine writes no audit log: ${this.path} tells nothing of a request that it answered.`);
      await wait(POLL_MS);
      await this.read();
    }
    const told = new Map(this.verdicts);
    this.verdicts.clear();
    return told;
  }

  async close(): Promise<void> {
    await this.handle?.close();
    this.handle = undefined;
  }

  private async read(): Promise<void> {
    this.handle ??= await open(this.path, 'r');
    const buffer = Buffer.alloc(CHUNK);
    for (;;) {
      const { bytesRead } = await this.handle.read(buffer, 0, CHUNK, this.offset);
      if (bytesRead === 0) return;
      this.offset += bytesRead;
      this.take(this.decoder.decode(buffer.subarray(0, bytesRead), { stream: true }));
    }
  }

  private take(text: string): void {
    this.rest += text;
    const end = /^---[0-9A-Za-z]{1,64}---Z--\r?\n/gm;
    let from = 0;
    for (let m = end.exec(this.rest); m !== null; m = end.exec(this.rest)) {
      this.add(this.rest.slice(from, end.lastIndex));
      from = end.lastIndex;
    }
    this.rest = this.rest.slice(from);
  }

  private add(record: string): void {
    const outcome = modsecurity.parse(lineOf(record.trimStart()), {
      zone: UTC,
      near: Number.NaN,
      memory: newSourceMemory(),
    });
    if (outcome.kind !== 'event' || outcome.event.transaction === undefined) return;
    this.verdicts.set(outcome.event.transaction, {
      blocked: outcome.event.action === 'blocked',
      matches: outcome.event.rules.map(matchOf),
    });
  }
}

const lineOf = (message: string): Line => ({
  source: 0,
  offset: 0,
  raw: message,
  flaw: undefined,
  stamp: undefined,
  host: undefined,
  program: undefined,
  pid: undefined,
  message,
});

const matchOf = (r: WafRule): WafMatch => ({
  rule: r.id,
  message: r.message,
  target: r.variable === undefined ? null : requestPart(r.variable),
  severity: r.severity ?? null,
  tags: r.tags,
  file: r.file ?? null,
  pattern: r.pattern ?? null,
  matched: null, // what was sent is not kept
  value: null,
  valueLength: null,
  denies: r.blocking,
});
