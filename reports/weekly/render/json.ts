import { jsonText } from '../../clean-text.ts';
import type { WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

/** The report as it is, with its headline and summary in words before it. */
export function weeklyJson(report: WeeklyReport, words: Words): string {
  const { version, ...rest } = report;
  const said = {
    language: words.language,
    headline: words.headline(report.availability),
    summary: words.summary(report),
  };
  return `${jsonText({ version, ...said, ...rest })}\n`;
}
