/** A few faults of the campaign that `npm run test:chaos` runs for long, so that a change that breaks it is seen at once. */
import { join } from 'node:path';
import { test } from 'node:test';
import { succeed } from './command.ts';

const FAULTS = 3;

test(`${FAULTS} faults while the sample flows: every document of an undisturbed process, and no other`, async () => {
  const run = join(import.meta.dirname, '..', 'chaos', 'run.ts');
  await succeed(process.execPath, [run, '--faults', String(FAULTS)], { cwd: join(import.meta.dirname, '..', '..') });
});
