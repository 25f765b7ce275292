/** What analysis costs beyond parsing, and whether that stays the same for each line when there are more of them. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { enlarge } from './enlarge.ts';
import { type Cost, measureImapwhy, median } from './measure.ts';
import type { Row } from './table.ts';

/** `sizes`: lines, growing. The first is measured `rounds` times, parse and analyze in turn; the others once, analyze only. */
export async function pipeline(sizes: readonly number[], rounds: number, folder: string): Promise<readonly Row[]> {
  const [first = 0, ...larger] = sizes;
  const logs = join(folder, 'mixed');
  enlarge(first, logs);
  const parsed: number[] = [];
  const analyzed: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    parsed.push((await measureImapwhy(['parse', logs])).cpuSeconds);
    analyzed.push(await analyze(logs, folder));
  }
  const base: Cost = {
    cpuSeconds: median(analyzed.map((c) => c.cpuSeconds)),
    peakRssBytes: median(analyzed.map((c) => c.peakRssBytes)),
  };
  const rows: Row[] = [
    {
      what: `analyze with store / parse, ${first.toLocaleString('en')} lines of all sources`,
      value: (base.cpuSeconds / median(parsed)).toFixed(2),
      target: '<= 2.0',
      detail: `${base.cpuSeconds.toFixed(1)} s and ${median(parsed).toFixed(1)} s CPU, median of ${rounds} rounds in turn`,
    },
    flatness(first, base, first, base),
  ];
  for (const lines of larger) {
    enlarge(lines, logs);
    rows.push(flatness(lines, await analyze(logs, folder), first, base));
  }
  return rows;
}

async function analyze(logs: string, folder: string): Promise<Cost> {
  const out = join(folder, 'out');
  try {
    return await measureImapwhy(['analyze', logs, '--out', out, '--quiet']);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function flatness(lines: number, cost: Cost, baseLines: number, base: Cost): Row {
  const perLine = (c: Cost, n: number) => (c.cpuSeconds / n) * 1e6;
  const mb = (c: Cost) => `${Math.round(c.peakRssBytes / 1e6)} MB`;
  const ratio = perLine(cost, lines) / perLine(base, baseLines);
  return {
    what: `analyze, ${lines.toLocaleString('en')} lines`,
    value: lines === baseLines ? '1' : ratio.toFixed(2),
    target: 'flat',
    detail: `${perLine(cost, lines).toFixed(1)} µs CPU a line, peak ${mb(cost)}${lines === baseLines ? '' : ` (${(cost.peakRssBytes / base.peakRssBytes).toFixed(2)} times that of ${baseLines.toLocaleString('en')} lines)`}`,
  };
}
