import { DateTime } from 'luxon';
import type { CauseLabel, Outcome } from '../processors/profile/profile.ts';
import { cutToWidth, padToWidth, terminalText, textWidth } from './clean-text.ts';
import { type EvidenceRow, type Explanation, type Headline, logSumExp } from './explain.ts';
import { durationText, ownerText, scopeText, shareText } from './wording.ts';

/** One line of text for a terminal: clean, not wider than asked. The style says what it is; only the command knows colours. */
export interface StyledLine {
  readonly style: 'title' | 'heading' | 'plain' | 'faint' | 'good' | 'bad' | 'warning';
  readonly text: string;
}

export interface LineOptions {
  /** Columns; at least 40 are used. */
  readonly width: number;
  /** Zone for times, a name that luxon knows: `Europe/Warsaw`, `UTC+02:00`. */
  readonly zone: string;
}

const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  ok: 'ended as it should',
  timeout: 'timed out',
  refused: 'was refused',
  auth_failed: 'could not log in',
  tls_failed: 'failed in the TLS handshake',
  reset: 'was cut off',
  blocked: 'was blocked',
  unknown: 'ended in a way that the logs do not show',
};

const WIDTH_MIN = 40;
const SOURCE_COLUMNS = 22;
/** Rows of one log line; an audit log transaction has hundreds. */
const TIMELINE_ROWS_MAX = 4;
const WRITTEN_AT_THE_END: ReadonlySet<string> = new Set(['haproxy.connection', 'netflow.flow']);
/** Evidence that moves the log-odds of the label by less says nothing about it. */
const ADDS_MIN = 0.005;

/** An explanation as lines of a terminal page. Pure. */
export function explanationLines(e: Explanation, options: LineOptions): readonly StyledLine[] {
  const page = new Page(Math.max(WIDTH_MIN, options.width), options.zone);
  addHeadline(page, e);
  addTimeline(page, e);
  addPhases(page, e);
  addEvidence(page, e);
  addAlternatives(page, e);
  addMissing(page, e);
  addRemedy(page, e);
  return page.lines;
}

/** Sessions in a list, one a line: id, time, user, outcome, cause. */
export function listLine(h: Headline, id: string, options: LineOptions): StyledLine {
  const when = momentText(h.start, options.zone, 'yyyy-MM-dd HH:mm:ss');
  const cause = h.cause === 'none' ? '' : `  ${h.cause}`;
  const text = `  ${id}  ${when}  ${h.user ?? h.client_ip ?? 'user unknown'}  ${OUTCOME_WORDS[h.outcome]}${cause}`;
  return { style: 'plain', text: cutToWidth(terminalText(text), Math.max(WIDTH_MIN, options.width)) };
}

/** An ISO time in the zone; as it stands if it is none. */
export function momentText(iso: string, zone: string, format: string): string {
  const time = DateTime.fromISO(iso, { zone });
  return time.isValid ? time.toFormat(format) : iso;
}

/** Collects lines, and is the only place where text gets in: there it is cleaned, wrapped or cut. */
class Page {
  readonly lines: StyledLine[] = [];
  readonly width: number;
  readonly zone: string;

  constructor(width: number, zone: string) {
    this.width = width;
    this.zone = zone;
  }

  heading(text: string): void {
    this.lines.push({ style: 'plain', text: '' });
    this.cut('heading', text);
  }

  /** One line; what is too wide is lost. For log lines and tables. */
  cut(style: StyledLine['style'], text: string): void {
    this.lines.push({ style, text: cutToWidth(terminalText(text), this.width) });
  }

  /** As many lines as it takes, at most `linesMax`, the later ones indented by `indent` columns. For sentences. */
  wrap(style: StyledLine['style'], text: string, indent: number, linesMax = Number.POSITIVE_INFINITY): void {
    const first = this.lines.length;
    this.#wrap(style, text, indent);
    const last = this.lines[first + linesMax - 1];
    if (last === undefined || this.lines.length <= first + linesMax) return;
    this.lines.length = first + linesMax - 1;
    this.lines.push({ style, text: cutToWidth(`${last.text} …`, this.width) });
  }

  #wrap(style: StyledLine['style'], text: string, indent: number): void {
    let line = '';
    for (const word of terminalText(text).split(/(?<=\S) (?=\S)/)) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && textWidth(longer) > this.width) {
        this.lines.push({ style, text: cutToWidth(line, this.width) });
        line = ' '.repeat(indent) + word;
      } else line = longer;
    }
    // A word that is wider than the page (a link, a hostile name) is cut into pieces, so that nothing is lost.
    while (textWidth(line) > this.width) {
      const head = cutToWidth(line, this.width + 1).slice(0, -1);
      if (head.length === 0) break;
      this.lines.push({ style, text: cutToWidth(head, this.width) });
      line = ' '.repeat(Math.min(indent, this.width - WIDTH_MIN / 2)) + line.slice(head.length);
    }
    this.lines.push({ style, text: line });
  }

  clock(iso: string): string {
    return momentText(iso, this.zone, 'HH:mm:ss.SSS');
  }
}

function addHeadline(page: Page, e: Explanation): void {
  const h = e.headline;
  const failed = h.outcome !== 'ok';
  const via = h.source_ip !== null && h.source_ip !== h.client_ip ? ` (the server saw ${h.source_ip})` : '';
  page.wrap('title', `${h.user ?? 'A client without a known user'} ${OUTCOME_WORDS[h.outcome]}: ${h.title}`, 2);
  page.wrap(
    'plain',
    `from ${h.client_ip ?? 'an unknown address'}${via} to ${h.server ?? 'an unknown server'}${h.path.map((p) => `, through ${p}`).join('')}${h.agent === null ? '' : `, with ${h.agent}`}`,
    2,
  );
  page.wrap('plain', whenText(page, h), 2);
  if (h.reason !== null) page.wrap('plain', `the log says: ${h.reason}`, 2);
  if (h.cause !== 'none' || failed || e.feedback) page.wrap(failed ? 'bad' : 'plain', causeText(e), 2);
  addFeedback(page, e);
  const dovecot = e.dovecot_id === null ? '' : `, Dovecot session <${e.dovecot_id}>`;
  const tags = h.tags.length === 0 ? '' : `, ${h.tags.join(', ')}`;
  page.wrap('faint', `session ${e.id}, revision ${e.revision}${dovecot}${tags}`, 2);
}

/** Who said otherwise, when and why, and what it was instead of. */
function addFeedback(page: Page, { feedback }: Explanation): void {
  if (!feedback) return;
  const when = momentText(feedback.at, page.zone, 'yyyy-MM-dd HH:mm:ss');
  page.wrap('plain', `said by ${feedback.by} on ${when}${feedback.note === null ? '' : `: ${feedback.note}`}`, 2);
  const same = feedback.label === feedback.model_label ? 'the same' : feedback.model_label;
  page.wrap('plain', `the model had said ${same}, ${shareText(feedback.model_probability)} sure`, 2);
}

function causeText(e: Explanation): string {
  const h = e.headline;
  if (e.feedback) {
    const scope = h.scope === null ? '' : `, shared by ${scopeText(h.scope)}`;
    return h.cause === 'none'
      ? 'cause: none, as a person said'
      : `cause: ${h.cause}, as a person said${scope}; owner: ${ownerText(h.owner)}`;
  }
  if (h.cause === 'none') {
    const guess = e.alternatives[0];
    return `cause: none found${guess ? `; the best guess is ${guess.label} with ${shareText(guess.probability)}` : ''}`;
  }
  const scope = h.scope === null ? '' : `, shared by ${scopeText(h.scope)}`;
  return `cause: ${h.cause}, ${shareText(h.probability)} sure${scope}; owner: ${ownerText(h.owner)}`;
}

function whenText(page: Page, h: Headline): string {
  const lasted = Date.parse(h.end) - Date.parse(h.start);
  const end = momentText(h.end, page.zone, 'yyyy-MM-dd') === momentText(h.start, page.zone, 'yyyy-MM-dd');
  const format = end ? 'HH:mm:ss.SSS' : 'yyyy-MM-dd HH:mm:ss.SSS';
  const duration = Number.isFinite(lasted) ? ` (${exactText(Math.max(0, lasted))})` : '';
  return `${momentText(h.start, page.zone, 'yyyy-MM-dd HH:mm:ss.SSS')} to ${momentText(h.end, page.zone, format)} ${page.zone}${duration}`;
}

function addTimeline(page: Page, e: Explanation): void {
  page.heading(`What happened, all sources on one clock (${page.zone})`);
  const sourceColumns = Math.min(
    SOURCE_COLUMNS,
    Math.max(6, ...e.timeline.map((l) => textWidth(terminalText(l.source)))),
  );
  for (const line of e.timeline) {
    const source = padToWidth(terminalText(line.source), sourceColumns);
    const text =
      line.original ?? `${line.dataset} ${line.action} (the line itself is not in the store; --keep-events keeps all)`;
    const before = `  ${page.clock(line.at)}  ${source}  `;
    const indent = Math.min(textWidth(before), page.width - 30);
    page.wrap(line.original === null ? 'faint' : 'plain', `${before}${text}`, indent, TIMELINE_ROWS_MAX);
  }
  if (e.timeline.some((l) => WRITTEN_AT_THE_END.has(l.dataset)))
    page.wrap(
      'faint',
      '  HAProxy and flow lines are written when a connection ends; here they stand at its beginning',
      4,
    );
  if (e.timeline.length === 0) page.cut('faint', '  no lines are stored with this session');
  if (e.lines_omitted > 0) page.cut('faint', `  and ${e.lines_omitted} more lines that the profile does not list`);
  for (const c of e.clock) {
    const shift = `${c.shift_ms < 0 ? '-' : '+'}${(Math.abs(c.shift_ms) / 1000).toFixed(3)} s`;
    page.wrap('faint', `  clock of ${c.source} corrected by ${shift}, ${shareText(c.confidence)} sure (${c.basis})`, 4);
  }
}

const SYSLOG_STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d /;
const ISO_STAMP = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,20} /;

/** A line that does not fit loses the stamp at its beginning first, because the corrected time stands before it already. */
function fitted(original: string, columns: number): string {
  const text = terminalText(original);
  if (textWidth(text) <= columns) return text;
  const stamp = SYSLOG_STAMP.exec(text) ?? ISO_STAMP.exec(text);
  return stamp ? `…${text.slice(stamp[0].length)}` : text;
}

function addPhases(page: Page, e: Explanation): void {
  page.heading('Phases');
  if (e.phases.length === 0) page.cut('faint', '  the logs show none');
  for (const p of e.phases) {
    // What the stamps cannot resolve is not made up: whole seconds are shown as such.
    const precise = p.duration_ms !== null && p.precision_ms < 1000;
    const duration = p.duration_ms === null ? 'not shown by the logs' : exactText(p.duration_ms);
    const near =
      p.duration_ms === null || precise
        ? ''
        : ` (to the ${p.precision_ms === 1000 ? 'second' : `${p.precision_ms} ms`})`;
    const outcome = p.outcome === 'ok' ? '' : p.outcome === 'unknown' ? ', outcome not logged' : `, ${p.outcome}`;
    const mark = p.stalled ? '   <- stalled here' : '';
    const style = p.stalled && e.headline.outcome !== 'ok' ? 'bad' : 'plain';
    page.cut(
      style,
      `  ${p.name.padEnd(8)} from ${page.clock(p.start)}  ${duration}${near}${outcome}  [${p.source}]${mark}`,
    );
  }
  if (e.headline.stalled_in !== null && !e.phases.some((p) => p.stalled)) {
    page.cut('bad', `  ${e.headline.stalled_in.padEnd(8)} stalled here`);
  }
}

/** Evidence and alternatives explain the model's answer, also where a person's counts. */
function modelLabel(e: Explanation): CauseLabel {
  return e.feedback?.model_label ?? e.headline.cause;
}

function addEvidence(page: Page, e: Explanation): void {
  const label = modelLabel(e);
  const whose = e.feedback ? ', the model’s answer' : '';
  page.heading(`Evidence for ${label === 'none' ? 'none (no cause)' : label}${whose}, in log-odds`);
  if (e.evidence.length === 0) {
    page.wrap('faint', '  none: nothing in this session called for a closer look', 2);
    return;
  }
  const names = Math.min(28, Math.max(...e.evidence.map((row) => textWidth(terminalText(row.name)))));
  const [base, own, idle] = [
    e.evidence.filter((row) => row.name === 'base'),
    e.evidence.filter((row) => row.name !== 'base' && Math.abs(row.adds) >= ADDS_MIN),
    e.evidence.filter((row) => row.name !== 'base' && Math.abs(row.adds) < ADDS_MIN),
  ];
  for (const row of [...base, ...own.toSorted((a, b) => Math.abs(b.adds) - Math.abs(a.adds))])
    addEvidenceRow(page, row, names);
  if (e.decision.warning !== null) page.wrap('warning', `  warning: ${e.decision.warning}`, 4);
  if (e.decision.recomputed === null) return;
  page.cut('plain', `  ${signed(e.decision.log_odds[label] ?? 0)}  sum`);
  addSoftmax(page, e, e.decision.recomputed);
  addIdleEvidence(page, idle);
}

/** What was seen and weighs on other labels only; it is part of their log-odds. */
function addIdleEvidence(page: Page, rows: readonly EvidenceRow[]): void {
  if (rows.length === 0) return;
  page.cut('faint', '  Also seen; it speaks neither for nor against this answer:');
  for (const row of rows) page.wrap('faint', `    ${row.name}: ${row.text}${mostlyText(row)}`, 6);
}

function addEvidenceRow(page: Page, row: EvidenceRow, names: number): void {
  const product =
    row.value === 1 || row.weight === 0 ? '' : ` (${row.value.toFixed(2)} x ${signed(row.weight).trim()})`;
  const indent = 2 + 6 + 2 + names + 2;
  const name = padToWidth(terminalText(row.name), names);
  page.wrap(
    'plain',
    `  ${signed(row.adds)}  ${name}  ${row.text}${product}${mostlyText(row)}`,
    Math.min(indent, page.width - 30),
  );
  for (const line of row.lines)
    page.cut('faint', `          ${page.clock(line.at)}  ${fitted(line.original, page.width - 24)}`);
}

function mostlyText(row: EvidenceRow): string {
  if (row.mostly === null || row.name === 'base') return '';
  return ` [weighs most on ${row.mostly.label}: ${signed(row.mostly.adds).trim()}]`;
}

/** The fraction with its numbers, so that the reader can do the sum again. */
function addSoftmax(page: Page, e: Explanation, recomputed: number): void {
  const chosen = modelLabel(e);
  const named = [chosen, ...e.alternatives.map((a) => a.label)];
  const odds = new Map(Object.entries(e.decision.log_odds));
  const others = [...odds].filter(([label]) => !named.some((n) => n === label)).map(([, x]) => x);
  const terms = named.map((label) => `${oddsOf(e, label)} ${label}`);
  page.wrap(
    'plain',
    `  log-odds: ${terms.join(', ')}, ${signed(logSumExp(others)).trim()} the ${others.length} others together`,
    4,
  );
  const powers = [...named.map((label) => oddsOf(e, label)), signed(logSumExp(others)).trim()].map((x) => `e^${x}`);
  const stated = e.decision.stated.toFixed(3);
  const text = `  probability: ${powers[0] ?? ''} / (${powers.join(' + ')}) = ${recomputed.toFixed(3)}; the ${e.feedback ? 'model said' : 'profile says'} ${stated}`;
  page.wrap('plain', text, 4);
}

function oddsOf(e: Explanation, label: CauseLabel): string {
  return signed(e.decision.log_odds[label] ?? 0).trim();
}

function addAlternatives(page: Page, e: Explanation): void {
  if (e.alternatives.length === 0) return;
  page.heading(e.feedback ? `Why the model said ${modelLabel(e)} and not something else` : 'Why not something else');
  for (const a of e.alternatives) {
    page.wrap('plain', `  ${a.label} (${a.title}), ${shareText(a.probability)}: ${a.why_not}`, 4);
    const first = a.separated_by[0];
    if (first && !a.why_not.includes(first.name)) {
      const leads = a.separated_by.map((s) => `${s.name} ${signed(s.lead).trim()}`).join(', ');
      page.wrap('faint', `    ${modelLabel(e)} is ahead by ${leads}`, 6);
    }
  }
}

function addMissing(page: Page, e: Explanation): void {
  if (e.missing_sources.length === 0) return;
  page.heading('What was not there to look at');
  for (const m of e.missing_sources) page.wrap('plain', `  ${m.source}: enable ${m.enable}`, 4);
}

function addRemedy(page: Page, e: Explanation): void {
  if (e.remedy === null) {
    if (e.feedback === null || e.headline.cause === 'none') return;
    page.heading('What to do');
    page.wrap(
      'good',
      `  See ${e.headline.cause} in docs/causes.md: settings with figures of this session come from the model alone.`,
      2,
    );
    return;
  }
  page.heading('What to do');
  page.wrap('good', `  ${e.remedy.summary}`, 2);
  const rows: readonly (readonly [string, string | null])[] = [
    ['setting', e.remedy.setting],
    ['value', e.remedy.value],
    ['file', e.remedy.file],
    ['see', e.remedy.link],
  ];
  for (const [name, text] of rows) if (text !== null) page.wrap('plain', `  ${name.padEnd(8)} ${text}`, 11);
}

/** To the second up to an hour: 188 s tells a timer that 3 min does not. */
function exactText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return ms >= 9_950 && seconds < 3600 ? `${seconds} s` : durationText(ms);
}

/** `+1.60`, ` -0.42`: six columns, so that sums stand under each other. */
function signed(x: number): string {
  return `${x < 0 ? '-' : '+'}${Math.abs(x).toFixed(2)}`.padStart(6);
}
