/** One measured figure. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly target: string;
  readonly detail: string;
}

/** As Markdown, aligned so that it reads on a terminal too. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ['measure', 'ratio', 'target', 'how'],
    ['---', '---', '---', '---'],
    ...rows.map((r) => [r.what, r.value, r.target, r.detail]),
  ];
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((c) => c[i]?.length ?? 0)));
  return cells
    .map((c) => `| ${c.map((text, i) => text.padEnd(widths[i] ?? 0, text === '---' ? '-' : ' ')).join(' | ')} |\n`)
    .join('');
}
