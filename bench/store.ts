/**
 * How many profiles a second the outputs take on one core, indexes and close included. `node bench/store.ts [COUNT]`
 * CPU seconds, not wall clock: what the disk makes us wait is not ours.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNdjson } from '../outputs/ndjson.ts';
import type { Output } from '../outputs/output.ts';
import { openStore } from '../outputs/sqlite.ts';
import { profileOf } from './stored-profile.ts';

const COUNT = Number(process.argv[2] ?? 200_000);
const BATCH = 2000;

async function measure(name: string, output: Output): Promise<void> {
  let micros = 0;
  let bytes = 0;
  for (let first = 0; first < COUNT; first += BATCH) {
    const profiles = Array.from({ length: BATCH }, (_, i) => profileOf(first + i));
    if (first === 0) bytes = JSON.stringify(profiles).length / BATCH;
    const before = process.cpuUsage();
    await output.write({ profiles, events: [], incidents: [] });
    const used = process.cpuUsage(before);
    micros += used.user + used.system;
  }
  const before = process.cpuUsage();
  await output.close();
  const used = process.cpuUsage(before);
  const closing = used.user + used.system;
  const rate = (us: number) => Math.round((COUNT / us) * 1e6).toLocaleString('en');
  console.log(
    `${name}: ${COUNT} profiles of ${Math.round(bytes)} bytes, ${rate(micros + closing)} a CPU second (${rate(micros)} without close)`,
  );
}

const dir = mkdtempSync(join(tmpdir(), 'imapwhy-bench-'));
try {
  await measure('ndjson', await openNdjson(join(dir, 'ndjson')));
  await measure('store, first load', openStore(join(dir, 'bulk.db')));
  await measure('store, live', openStore(join(dir, 'live.db'), { bulk: false }));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
