import type { Block, Section } from '../page.ts';
import type { WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

/** What was predicted, and how it came out. */
export function predictionsSection(report: WeeklyReport, words: Words): Section {
  const { predictions: p } = report;
  const title = words.titles.predictions;
  if (p === null)
    return { id: 'predictions', title, blocks: [{ kind: 'paragraph', text: words.noPredictions, tone: 'muted' }] };
  const c = words.columns;
  const { calibration } = words;
  const blocks: Block[] = words.predictions(p).map((text) => ({ kind: 'paragraph', text }));
  if (p.bins.length > 0)
    blocks.push({
      kind: 'chart',
      chart: {
        title: calibration.title,
        unit: calibration.caption,
        drawing: { kind: 'calibration', bins: p.bins, x: calibration.x, y: calibration.y },
        table: {
          caption: calibration.title,
          columns: [
            { title: c.said, isNumber: true },
            { title: c.happened, isNumber: true },
            { title: c.attempts, isNumber: true },
          ],
          rows: p.bins.map((b) => [words.share(b.said), words.share(b.happened), words.number(b.attempts)]),
        },
      },
    });
  return { id: 'predictions', title, blocks };
}
