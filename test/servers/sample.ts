/** What `imapwhy analyze --keep-events` makes of the sample. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnomalyFinding } from '../../models/anomaly/finding.ts';
import type { OutputBatch } from '../../outputs/output.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import type { Summary } from '../../reports/summary-document.ts';
import { succeed } from './command.ts';

const repository = join(import.meta.dirname, '..', '..');

export interface Sample {
  readonly batch: OutputBatch;
  readonly findings: readonly AnomalyFinding[];
  readonly summary: Summary;
}

export async function analyzedSample(): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-sample-'));
  try {
    const call = [
      'cli/main.ts',
      'analyze',
      'samples/lab-a/logs',
      '--out',
      folder,
      '--keep-events',
      '--quiet',
      '--json',
    ];
    const { stdout } = await succeed(process.execPath, call, { cwd: repository });
    const lines = async (name: string): Promise<readonly Record<string, unknown>[]> =>
      (await readFile(join(folder, `${name}.ndjson`), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const events = (await lines('events')).map((document) => ({
      id: (document.event as { id: string }).id,
      session: undefined,
      document,
    }));
    const profiles = (await lines('profiles')) as unknown as readonly Profile[];
    const incidents = (await lines('incidents')) as unknown as readonly Incident[];
    const findings = (await lines('anomalies')) as unknown as readonly AnomalyFinding[];
    return { batch: { events, profiles, incidents }, findings, summary: JSON.parse(stdout) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
