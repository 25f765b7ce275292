import type { CauseScore } from '../../models/cause/score.ts';

/** Every figure, for a terminal. */
export function scoreText(name: string, s: CauseScore): string {
  const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
  const rows = (title: string, list: CauseScore['visible']): string[] => [
    `  ${title.padEnd(32)}      n  precision  recall     F1`,
    ...list.map(
      (r) =>
        `    ${r.label.padEnd(30)} ${String(r.n).padStart(6)}      ${r.precision.toFixed(3)}   ${r.recall.toFixed(3)}  ${r.f1.toFixed(3)}`,
    ),
  ];
  return `${[
    `${name === 'shipped' ? 'Shipped weights' : 'Held out (weights fitted without the fold they are tested on, answers pooled)'}`,
    ...rows('sessions with a Dovecot line', s.visible),
    ...rows('sessions that only other logs show', s.hidden),
    '  confusion that remains',
    ...s.confusions.slice(0, 25).map((c) => `    ${c.group}: ${c.truth} -> ${c.answer}: ${c.n}`),
    '  reliability (answers that accuse): said, right, n',
    ...s.reliability.filter((b) => b.n > 0).map((b) => `    ${b.said.toFixed(2)}  ${b.right.toFixed(2)}  ${b.n}`),
    '  by layer: answers that accuse it, said on average, right, ECE',
    ...s.layers.map(
      (l) =>
        `    ${l.layer.padEnd(10)} ${String(l.n).padStart(6)}  ${l.said.toFixed(3)}  ${l.right.toFixed(3)}  ${l.ece.toFixed(3)}${l.reliability.map((b) => (b.n === 0 ? '' : `   ${b.said.toFixed(2)}/${b.right.toFixed(2)} (${b.n})`)).join('')}`,
    ),
    `  macro-F1 ${s.macroF1.toFixed(3)}; healthy accused ${percent(s.accusedShare)}; ECE ${s.ece.toFixed(3)}; hidden recall ${s.hiddenRecall.toFixed(3)}; matched ${percent(s.matchedVisible)} visible, ${percent(s.matchedHidden)} hidden; outcome agrees ${s.outcomeAgrees.toFixed(3)}`,
    '',
  ].join('\n')}\n`;
}
