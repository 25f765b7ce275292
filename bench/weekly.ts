/** What the weekly report costs over a large store: five made weeks, as in the tests of the report. `node bench/weekly.ts [COUNT]` */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../outputs/sqlite.ts';
import { madeWeeks, WEEKS } from '../test/reports/weekly/made-weeks.ts';
import { measureImapwhy } from './measure.ts';

const COUNT = Number(process.argv[2] ?? 1_000_000);
const BATCH = 5000;
/** A week of the made site has five days and two of six tenths. */
const DAYS = 6.2;

const dir = mkdtempSync(join(tmpdir(), 'imapwhy-bench-'));
try {
  const file = join(dir, 'imapwhy.db');
  const store = openStore(file);
  let sessions = 0;
  for (const week of WEEKS) {
    const { profiles, incidents, coverage } = madeWeeks({
      weeks: [week],
      healthyPerDay: COUNT / WEEKS.length / DAYS,
    });
    for (let i = 0; i < profiles.length; i += BATCH)
      await store.write({ profiles: profiles.slice(i, i + BATCH), incidents: i === 0 ? incidents : [], events: [] });
    store.recordCoverage(coverage);
    sessions += profiles.length;
  }
  await store.close();
  const startedAt = performance.now();
  const { cpuSeconds, peakRssBytes } = await measureImapwhy(['report', '--store', file, '--format', 'json']);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${sessions.toLocaleString('en')} sessions of ${WEEKS.length} weeks: ${cpuSeconds.toFixed(1)} s CPU, ${seconds.toFixed(1)} s, peak ${Math.round(peakRssBytes / 1e6)} MB`,
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
