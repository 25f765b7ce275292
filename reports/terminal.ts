import type { Remedy } from '../processors/profile/profile.ts';
import { answerOf, failingCauses } from './answer.ts';
import { cutToWidth, padToWidth, terminalText, textWidth } from './clean-text.ts';
import type { Indicator, Level } from './indicators.ts';
import type { CauseRow, Summary } from './summary-document.ts';
import {
  causeTitle,
  durationText,
  explainCommand,
  labelCode,
  momentIn,
  ownerText,
  periodText,
  plural,
  rateText,
  scopeText,
  shareText,
  wholeNumber,
  whom,
} from './wording.ts';

const COLUMNS = 100;
const CAUSES_SHOWN = 12;
const INCIDENTS_SHOWN = 4;
const ANOMALIES_SHOWN = 3;
const MISSING_SHOWN = 2;

export interface TerminalOptions {
  /** ANSI colours. Off for files, pipes and NO_COLOR; that is the caller's to know. */
  readonly colour: boolean;
  /** Where the report was written; undefined when there is none. */
  readonly reportPath?: string | undefined;
  /** The store, where it is not the one that `explain` looks into by itself. */
  readonly storePath?: string | undefined;
}

/** The summary for a terminal: at most 100 columns, ends with a line break. Whatever a log held, no escape sequence of it gets through. */
export function renderTerminal(summary: Summary, options: TerminalOptions): string {
  const paint = painter(options.colour);
  const moment = momentIn(summary.period);
  const lines = [
    ...answerLines(summary, paint, moment),
    ...causeLines(summary, paint, moment),
    ...ownerLines(summary, paint),
    ...adviceLines(summary, paint),
    ...incidentLines(summary, paint, moment),
    ...anomalyLines(summary, paint, moment),
    ...sourceLines(summary, paint),
    ...nextLines(summary, options, paint),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

type Colour = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'blue' | 'cyan' | 'magenta';
type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  yellow: 33,
  green: 32,
  blue: 34,
  cyan: 36,
  magenta: 35,
};

function painter(colour: boolean): Paint {
  return (name, text) => (colour && text !== '' ? `\x1b[${CODES[name]}m${text}\x1b[0m` : text);
}

const LAYER_COLOURS: Readonly<Record<string, Colour>> = {
  network: 'blue',
  server: 'yellow',
  client: 'cyan',
  security: 'magenta',
};
const LEVEL_COLOURS: Readonly<Record<Level, Colour>> = {
  normal: 'green',
  watch: 'yellow',
  warning: 'yellow',
  alarm: 'red',
  unknown: 'dim',
};

function answerLines(summary: Summary, paint: Paint, moment: (iso: string | null) => string): string[] {
  const answer = answerOf(summary, moment);
  const { counts, indicators } = summary;
  const outside = [
    counts.attacks > 0 ? plural(counts.attacks, 'attack or scan', 'attacks and scans') : '',
    counts.wrong_passwords > 0 ? plural(counts.wrong_passwords, 'wrong password') : '',
    counts.undetermined > 0 ? `${wholeNumber(counts.undetermined)} without a known end` : '',
    counts.health_checks > 0 ? plural(counts.health_checks, 'health check') : '',
    counts.known_scanners > 0 ? `${plural(counts.known_scanners, 'attempt')} of known scanners` : '',
  ].filter((part) => part !== '');
  const lines = ['', paint('dim', `imapwhy  ${periodText(summary.period)}`), ''];
  lines.push(...wrap(answer.headline, 0).map((l) => paint('bold', l)));
  for (const sentence of answer.sentences) lines.push(...wrap(sentence, 0));
  lines.push('');
  if (counts.legitimate > 0) {
    lines.push(
      ...indicatorLine('Success rate', indicators.success_rate, rateText(indicators.success_rate.value ?? 0), paint),
      ...indicatorLine('Set-up time', indicators.setup_time, timeText(indicators.setup_time), paint),
      ...indicatorLine('TLS handshake', indicators.tls_time, timeText(indicators.tls_time), paint),
    );
  }
  if (outside.length > 0 && counts.attempts > 0) lines.push(`${'Not counted'.padEnd(15)}${outside.join(', ')}`);
  if (counts.legitimate > 0 || outside.length > 0) lines.push('');
  return lines;
}

function indicatorLine(name: string, indicator: Indicator, value: string, paint: Paint): string[] {
  const level = indicator.level === 'unknown' ? '' : indicator.level.toUpperCase();
  const doubt = indicator.certain || indicator.level === 'unknown' ? '' : ' (the stamps are too coarse to be sure)';
  const text = indicator.value === null ? 'not measurable: no fine enough time stamps' : value;
  return [
    `${name.padEnd(15)}${paint(LEVEL_COLOURS[indicator.level], level.padEnd(level === '' ? 0 : 9))}${text}${paint('dim', doubt)}`,
  ];
}

function timeText(indicator: Indicator): string {
  if (indicator.value === null) return '';
  const precision = indicator.precision_ms ?? 0;
  const spread = precision >= 100 ? ` ± ${durationText(precision)}` : '';
  const p95 = indicator.p95_ms === null ? '' : `, 95 % within ${durationText(indicator.p95_ms)}`;
  return `${durationText(indicator.value)}${spread} on average${p95}`;
}

function causeLines(summary: Summary, paint: Paint, moment: (iso: string | null) => string): string[] {
  if (summary.counts.attempts === 0) return [];
  const rows = summary.causes.filter((row) => row.kind !== 'rest');
  const shown = rows.slice(0, CAUSES_SHOWN);
  const widths = columnWidths(moment(summary.period.start).length);
  const lines = [
    paint(
      'dim',
      padToWidth('WHY', widths.why) +
        'SESSIONS'.padStart(widths.sessions) +
        `  ${'SINCE'.padEnd(widths.since)}${'UNTIL'.padEnd(widths.until)}${'FOR WHOM'.padEnd(widths.whom)} WHOSE JOB`,
    ),
  ];
  for (const row of shown) lines.push(causeLine(row, widths, paint, moment));
  if (rows.length > shown.length)
    lines.push(paint('dim', `  and ${plural(rows.length - shown.length, 'cause')} more: see the report`));
  for (const row of summary.causes) if (row.kind === 'rest') lines.push(causeLine(row, widths, paint, moment));
  lines.push('');
  return lines;
}

interface Widths {
  readonly why: number;
  readonly sessions: number;
  readonly since: number;
  readonly until: number;
  readonly whom: number;
}

/** Over several days the first moment needs its day and the last one is told by day only, which leaves room for whom. */
function columnWidths(sinceWidth: number): Widths {
  const since = Math.max(6, sinceWidth + 1);
  const until = 7;
  const why = 28;
  const sessions = 9;
  return { why, sessions, since, until, whom: COLUMNS - why - sessions - 2 - since - until - 1 - 12 };
}

function causeLine(row: CauseRow, widths: Widths, paint: Paint, moment: (iso: string | null) => string): string {
  const rest = row.kind === 'rest';
  const colour = LAYER_COLOURS[row.layer ?? ''];
  const name = padToWidth(rest ? causeTitle(row.label) : terminalText(labelCode(row.label)), widths.why);
  const sessions = wholeNumber(row.sessions).padStart(widths.sessions);
  if (rest && row.label !== 'unexplained') return paint('dim', `${name}${sessions}`);
  const until = row.ongoing ? 'still' : moment(row.until).replace(/ \d\d:\d\d$/, '');
  return (
    `${colour === undefined ? name : paint(colour, name)}${paint('bold', sessions)}` +
    `  ${moment(row.since).padEnd(widths.since)}${until.padEnd(widths.until)}` +
    `${padToWidth(terminalText(whom(row)), widths.whom)} ${padToWidth(terminalText(ownerText(row.owner)), 12)}`
  );
}

function ownerLines(summary: Summary, paint: Paint): string[] {
  if (summary.owners.length === 0) return [];
  const parts = summary.owners.map(
    (o) => `${terminalText(ownerText(o.owner))} ${wholeNumber(o.sessions)} (${shareText(o.share)})`,
  );
  return [...section('Whose job', wrap(parts.join(' · '), 0, COLUMNS - 11), paint), ''];
}

/** The first thing to do for each of the largest causes, one an owner at first. */
function adviceLines(summary: Summary, paint: Paint): string[] {
  const owners = new Set<string>();
  const chosen: CauseRow[] = [];
  for (const row of failingCauses(summary)) {
    if (row.remedies.length === 0 || owners.has(ownerText(row.owner)) || chosen.length === 3) continue;
    owners.add(ownerText(row.owner));
    chosen.push(row);
  }
  if (chosen.length === 0) return [];
  const lines = [paint('dim', 'WHAT TO DO FIRST')];
  for (const row of chosen) {
    const [remedy] = row.remedies;
    if (!remedy) continue;
    lines.push(`${paint('bold', terminalText(ownerText(row.owner)))}: ${causeTitle(row.label)}`);
    lines.push(...wrap(remedy.summary, 2));
    const setting = settingText(remedy);
    if (setting !== '') lines.push(...wrap(setting, 2));
  }
  lines.push('');
  return lines;
}

function settingText(remedy: Remedy): string {
  if (remedy.setting === null) return '';
  const value = remedy.value === null ? '' : ` → ${remedy.value}`;
  return `${remedy.setting}${value}${remedy.file === null ? '' : ` in ${remedy.file}`}`;
}

function incidentLines(summary: Summary, paint: Paint, moment: (iso: string | null) => string): string[] {
  const { total, largest } = summary.incidents;
  if (total === 0) return [];
  const shown = largest.slice(0, INCIDENTS_SHOWN);
  const spans = shown.map(({ event }) => `${moment(event.start)} to ${moment(event.end)}`);
  const spanWidth = Math.max(...spans.map((span) => span.length)) + 2;
  const lines = [
    paint(
      'dim',
      shown.length < total ? `INCIDENTS  the largest ${shown.length} of ${wholeNumber(total)}` : 'INCIDENTS',
    ),
  ];
  shown.forEach(({ imapwhy }, i) => {
    const { cause, scope, sessions, users } = imapwhy.incident;
    const size = `${plural(sessions, 'session')}, ${plural(users, 'user')}`;
    const text = `${(spans[i] ?? '').padEnd(spanWidth)}${padToWidth(terminalText(cause), 28)}${padToWidth(size, 26)}`;
    lines.push(text + cutToWidth(terminalText(scopeText(scope)), COLUMNS - textWidth(text)));
  });
  lines.push('');
  return lines;
}

function anomalyLines(summary: Summary, paint: Paint, moment: (iso: string | null) => string): string[] {
  const { total, widest } = summary.anomalies;
  if (total === 0) return [];
  const shown = widest.slice(0, ANOMALIES_SHOWN);
  const title = shown.length < total ? `UNUSUAL  the widest ${shown.length} of ${wholeNumber(total)}` : 'UNUSUAL';
  const lines = [paint('dim', title)];
  for (const { event, imapwhy } of shown) {
    const { scope, level, reason } = imapwhy.anomaly;
    const text = `${moment(event.start)} to ${moment(event.end)}  ${level.padEnd(9)}${terminalText(scopeText(scope))}: `;
    lines.push(cutToWidth(text + terminalText(reason), COLUMNS));
  }
  lines.push('');
  return lines;
}

function sourceLines(summary: Summary, paint: Paint): string[] {
  const { ingest, missing_sources } = summary;
  const lines: string[] = [];
  if (ingest.sources_total > 0) {
    const understood = ingest.lines === 0 ? '' : `, ${shareText(ingest.parsed / ingest.lines)} understood`;
    lines.push(
      ...section(
        'Read',
        [`${plural(ingest.sources_total, 'source')}, ${plural(ingest.lines, 'line')}${understood}`],
        paint,
      ),
    );
    const top = ingest.templates[0];
    if (ingest.unparsed > 0) {
      const example = top === undefined ? '' : `; ${plural(top.lines, 'line')} like: ${terminalText(top.template)}`;
      lines.push(cutToWidth(`${' '.repeat(11)}${wholeNumber(ingest.unparsed)} not understood${example}`, COLUMNS));
    }
    for (const { source, zone, clock } of ingest.sources) {
      if (zone?.assumed) lines.push(note(`${source}: no zone in its stamps, taken as ${zone.name} (${zone.basis})`));
      if (clock) lines.push(note(`${source}: clock corrected by ${durationOf(clock.shift_ms)} (${clock.basis})`));
    }
    for (const { source, text } of ingest.problems.slice(0, 5)) {
      lines.push(
        paint('yellow', cutToWidth(`${'Problem'.padEnd(11)}${terminalText(source)}: ${terminalText(text)}`, COLUMNS)),
      );
    }
    if (ingest.problems.length > 5)
      lines.push(note(`and ${plural(ingest.problems.length - 5, 'more problem')}: see the report`));
  }
  for (const { source, enable, sessions } of missing_sources.slice(0, MISSING_SHOWN)) {
    const text = `${terminalText(source)}, for ${plural(sessions, 'failed session')}; enable: ${terminalText(enable)}`;
    lines.push(...section('Missing', wrap(text, 0, COLUMNS - 11), paint));
  }
  return lines.length === 0 ? [] : [...lines.slice(0, 24), ''];
}

function durationOf(ms: number): string {
  return `${ms < 0 ? '-' : '+'}${durationText(Math.abs(ms))}`;
}

function note(text: string): string {
  return cutToWidth(`${' '.repeat(11)}${terminalText(text)}`, COLUMNS);
}

function nextLines(summary: Summary, options: TerminalOptions, paint: Paint): string[] {
  const lines: string[] = [];
  const report = options.reportPath;
  // A path is to be copied, so it is neither cut nor wrapped.
  if (report !== undefined) lines.push(...section('Report', [paint('bold', terminalText(report))], paint));
  const [first] = failingCauses(summary);
  const id =
    first?.example_sessions[0] ??
    summary.unexplained.example_sessions[0] ??
    summary.causes.find((r) => r.kind === 'attack')?.example_sessions[0];
  if (id !== undefined)
    lines.push(...section('Go on', [paint('bold', terminalText(explainCommand(id, options.storePath)))], paint));
  return lines;
}

function section(name: string, body: readonly string[], paint: Paint): string[] {
  return body.map((line, i) => `${i === 0 ? paint('dim', name.padEnd(11)) : ' '.repeat(11)}${line}`);
}

/** Text made safe and broken at spaces so that no line is wider than `columns`; words that are too long are cut. */
function wrap(text: string, indent: number, columns = COLUMNS): string[] {
  const pad = ' '.repeat(indent);
  const lines: string[] = [];
  let line = '';
  for (const word of terminalText(text).split(' ')) {
    const short = cutToWidth(word, columns - indent);
    if (line !== '' && textWidth(line) + 1 + textWidth(short) > columns - indent) {
      lines.push(pad + line);
      if (lines.length === 8) return lines;
      line = short;
    } else line = line === '' ? short : `${line} ${short}`;
  }
  lines.push(pad + line);
  return lines;
}
