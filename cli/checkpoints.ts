import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import type { NetFitState } from '../models/prediction/fit-net.ts';
import { sha256 } from './model-directory.ts';
import type { Checkpoints } from './training.ts';

const DIGEST_LENGTH = 64;

/**
 * States of nets in one file a net, beside the model that is being made. A file is written whole and then renamed; it names what it belongs
 * to, so that one of other rows or options is never taken for ours.
 */
export class CheckpointFiles implements Checkpoints {
  readonly #stem: string;
  readonly #belongsTo: string;

  constructor(stem: string, belongsTo: string) {
    this.#stem = stem;
    this.#belongsTo = belongsTo;
  }

  async load(name: string): Promise<NetFitState | undefined> {
    const bytes = await readFile(this.#path(name)).catch(() => undefined);
    if (!bytes) return undefined;
    const body = bytes.subarray(DIGEST_LENGTH);
    // The digest comes first: what was cut off or changed is not even parsed.
    if (bytes.subarray(0, DIGEST_LENGTH).toString('latin1') !== sha256(body)) return undefined;
    const { belongsTo, state }: { belongsTo: string; state: NetFitState } = deserialize(body);
    return belongsTo === this.#belongsTo ? state : undefined;
  }

  async save(name: string, state: NetFitState): Promise<void> {
    const body = serialize({ belongsTo: this.#belongsTo, state });
    const path = this.#path(name);
    await writeFile(`${path}.partial`, Buffer.concat([Buffer.from(sha256(body), 'latin1'), body]), { flush: true });
    await rename(`${path}.partial`, path);
  }

  async clear(): Promise<void> {
    for (const name of ['measured', 'shipped']) await rm(this.#path(name), { force: true });
  }

  #path(name: string): string {
    return `${this.#stem}.${name}.checkpoint`;
  }
}
