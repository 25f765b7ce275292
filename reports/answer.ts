import type { CauseRow, Summary } from './summary-document.ts';
import {
  causeTitle,
  ownerText,
  plural,
  rateText,
  sharedScope,
  shareText,
  where,
  wholeNumber,
  whom,
} from './wording.ts';

/** The answer in words, before any figure: what the terminal and the report begin with. Plain text, not made safe to show. */
export interface Answer {
  readonly headline: string;
  readonly sentences: readonly string[];
}

/** Causes that made attempts of legitimate users fail, the most first. */
export function failingCauses(summary: Summary): readonly CauseRow[] {
  return summary.causes.filter((row) => row.kind === 'cause' && row.failed > 0);
}

export function answerOf(summary: Summary, moment: (iso: string | null) => string): Answer {
  const { counts } = summary;
  if (counts.attempts === 0)
    return { headline: 'No connection attempts were found.', sentences: [nothingFound(summary)] };
  if (counts.legitimate === 0) {
    return { headline: 'No attempts of legitimate users whose end is known.', sentences: outsideSentences(summary) };
  }
  const rate = `success rate ${rateText(counts.succeeded / counts.legitimate)}`;
  const attempts = `${plural(counts.legitimate, 'attempt')} by legitimate users`;
  if (counts.failed === 0) {
    return { headline: `Nothing failed: all ${attempts} succeeded.`, sentences: outsideSentences(summary) };
  }
  const [first] = failingCauses(summary);
  return {
    headline: `${wholeNumber(counts.failed)} of ${attempts} failed (${rate}).`,
    sentences: [
      ...(first ? [mainCause(first, moment)] : ['No cause could be named for any of them.']),
      ...(counts.unexplained > 0 && first ? [`${plural(counts.unexplained, 'failure')} could not be explained.`] : []),
    ],
  };
}

function mainCause(row: CauseRow, moment: (iso: string | null) => string): string {
  const scope = sharedScope(row);
  const part = row.share > 0.5 ? 'Most of them' : 'The largest part';
  const peak = peakOf(row);
  const most = peak === undefined ? '' : `, most of it ${moment(peak.start)} to ${moment(peak.end)}`;
  return `${part}, ${wholeNumber(row.failed)} (${shareText(row.share)}): ${lowerFirst(causeTitle(row.label))}, from ${spanText(row, moment)}${most}. It hit ${row.users.count === 0 ? `clients of ${where(row)} that had not logged in` : whom(row)}${
    scope === undefined ? '' : ` (${scope})`
  }, and is for ${ownerText(row.owner)} to solve.`;
}

/** "The …" and "A …" in the middle of a sentence; names like TLS keep their case. */
function lowerFirst(title: string): string {
  return /^[A-Z][a-z]* /.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title;
}

/** `07:01 to 09:02`. */
export function spanText(row: CauseRow, moment: (iso: string | null) => string): string {
  return `${moment(row.since)} to ${row.ongoing ? 'the end of the logs' : moment(row.until)}`;
}

/** When 90 % of it was, if that is less than half of the whole. */
export function peakOf(row: CauseRow): NonNullable<CauseRow['peak']> | undefined {
  const { peak, since, until } = row;
  if (peak === null || since === null || until === null || row.sessions < 10) return undefined;
  return Date.parse(peak.end) - Date.parse(peak.start) < (Date.parse(until) - Date.parse(since)) / 2 ? peak : undefined;
}

function outsideSentences(summary: Summary): string[] {
  const { attacks, wrong_passwords, undetermined } = summary.counts;
  const parts = [
    ...(attacks > 0 ? [plural(attacks, 'attack or scan', 'attacks and scans')] : []),
    ...(wrong_passwords > 0 ? [plural(wrong_passwords, 'wrong password')] : []),
    ...(undetermined > 0 ? [`${plural(undetermined, 'attempt')} without a known end`] : []),
  ];
  return parts.length === 0 ? [] : [`Outside this count: ${parts.join(', ')}.`];
}

function nothingFound(summary: Summary): string {
  const { ingest, counts } = summary;
  if (counts.health_checks > 0) return `There were only ${plural(counts.health_checks, 'health check')}.`;
  if (counts.known_scanners > 0)
    return `There were only ${plural(counts.known_scanners, 'attempt')} of known scanners.`;
  if (ingest.sources_total === 0) return 'No source was read.';
  if (ingest.lines === 0)
    return `${plural(ingest.sources_total, 'source was', 'sources were')} read, and all were empty.`;
  if (ingest.parsed === 0) return `None of the ${plural(ingest.lines, 'line')} read could be understood.`;
  return `${plural(ingest.lines, 'line was', 'lines were')} read; none of them is part of an IMAP session.`;
}
