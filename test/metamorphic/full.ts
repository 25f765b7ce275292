/**
 * Runs every variation at full size and prints a table: `node test/metamorphic/full.ts [--changes] [PART OF A NAME]`.
 * `--changes` lists below each row which answers changed.
 */
import { join } from 'node:path';
import { readLab } from './lab-corpus.ts';
import { answersFor, compare } from './run.ts';
import { VARIATIONS } from './vary.ts';

const args = process.argv.slice(2);
const withChanges = args.includes('--changes');
const part = args.find((arg) => !arg.startsWith('--')) ?? '';
const lab = readLab(join(import.meta.dirname, '../../samples/lab-a'));
const untouched = await answersFor(lab, { name: 'untouched', change: (c) => c });
const percent = (x: number): string => (100 * x).toFixed(2).padStart(6);

console.log(
  `${'variation'.padEnd(62)} matched visible/hidden  same  same accused  macro-F1  accused    ECE  hidden recall`,
);
for (const variation of [{ name: 'untouched', change: (c: typeof lab) => c }, ...VARIATIONS]) {
  if (!variation.name.includes(part)) continue;
  const answers = await answersFor(lab, variation);
  const { score } = answers;
  const c = compare(untouched, answers);
  console.log(
    `${variation.name.padEnd(62)} ${percent(score.matchedVisible)} ${percent(score.matchedHidden)}     ${percent(c.same)}     ${percent(c.sameAccused)}     ${score.macroF1.toFixed(3)}   ${percent(score.accusedShare)}  ${score.ece.toFixed(3)}  ${score.hiddenRecall.toFixed(3)}`,
  );
  if (withChanges) for (const change of c.changes.slice(0, 12)) console.log(`    ${change}`);
}
