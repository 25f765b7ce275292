import type { Piece } from '../../models/waf/example.ts';
import type { WafQueue, WafRow } from '../../models/waf/queue.ts';
import { cutToWidth, padToWidth, terminalText, textWidth } from '../clean-text.ts';
import { momentIn, plural, shareText, wholeNumber } from '../wording.ts';

export interface ReviewLook {
  readonly colour: boolean;
}

const COLUMNS = 100;
/** Below, a place is likely an attack, and only listed if asked for. */
const SHOWN_FROM = 0.1;

type Colour = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'inverse';
const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32, inverse: 7 };
type Paint = (colour: Colour, text: string) => string;
const painter =
  (colour: boolean): Paint =>
  (name, text) =>
    colour && text !== '' ? `\x1b[${CODES[name]}m${text}\x1b[0m` : text;

/** The queue for a terminal: at most 100 columns, ends with a line break. Whatever a log held, no escape sequence of it gets through. */
export function renderReview(queue: WafQueue, look: ReviewLook & { readonly all: boolean }): string {
  const paint = painter(look.colour);
  const shown = look.all ? queue.rows : queue.rows.filter((r) => r.probability >= SHOWN_FROM || r.status !== 'open');
  const hidden = queue.rows.length - shown.length;
  const lines = [...headLines(queue, paint)];
  if (shown.length > 0) {
    const moment = momentIn({ start: queue.first_seen, end: queue.last_seen });
    const whenWidth = Math.max(12, ...shown.map((r) => whenText(r, moment).length + 1)); // days only where there are several
    lines.push('', paint('dim', headerLine(whenWidth)));
    for (const row of shown) lines.push(...rowLines(row, whenText(row, moment).padEnd(whenWidth), paint));
  }
  if (hidden > 0)
    lines.push('', paint('dim', `${plural(hidden, 'place')} more where attacks are likely: imapwhy waf review --all`));
  const [first] = shown;
  if (first !== undefined)
    lines.push(
      '',
      `One with its evidence and examples: imapwhy waf review ${first.id}`,
      `Decide: imapwhy waf decide ${first.id} accept --by NAME`,
    );
  return `${lines.map((l) => l.trimEnd()).join('\n')}\n`;
}

function headLines(queue: WafQueue, paint: Paint): string[] {
  const { blocked, judged, unexplained } = queue.requests;
  if (judged === 0)
    return [
      'The store holds no event of a WAF. imapwhy analyze reads ModSecurity’s and Coraza’s audit logs and the error logs of nginx and Apache.',
    ];
  const likely = queue.rows.filter((r) => r.probability >= 0.5);
  const open = likely.filter((r) => r.status === 'open').length;
  const lines = [
    paint(
      'bold',
      blocked === 0
        ? `The WAF judged ${plural(judged, 'request')} and blocked none.`
        : `${plural(blocked, 'request was', 'requests were')} blocked; ${plural(likely.length, 'place')} of ${wholeNumber(queue.rows.length)} likely by mistake, ${wholeNumber(open)} not decided. IMAP sessions lost by it: ${wholeNumber(queue.sessions_lost)}.`,
    ),
  ];
  if (unexplained > 0)
    lines.push(
      `Of ${plural(unexplained, 'blocked request')} no log names the rule: write the audit log, or the error log at level info.`,
    );
  for (const r of likely)
    if (r.wrong_for_everyone !== null) lines.push(...wrap(everyoneText(r), COLUMNS, '').map((l) => paint('red', l)));
  return lines.flatMap((l) => (textWidth(l) > COLUMNS && !l.includes('\x1b') ? wrap(l, COLUMNS, '') : [l]));
}

function everyoneText(r: WafRow): string {
  const w = r.wrong_for_everyone;
  if (w === null) return '';
  return terminalText(
    `Rule ${r.rule.id} on ${r.path} is wrong for everyone: it stopped ${w.users} users of ${w.networks} networks. In the ${w.span_minutes} min before it came they logged in ${w.logins_before} times, in the ${w.span_minutes} min after that ${w.logins_after} times.`,
  );
}

const WIDTH = { id: 11, chance: 9, blocked: 8, users: 6, lost: 6, rule: 8 } as const;
const FIXED_WIDTH = Object.values(WIDTH).reduce((a, b) => a + b, 0);

const headerLine = (whenWidth: number): string =>
  `${'ID'.padEnd(WIDTH.id)}${'MISTAKE?'.padStart(WIDTH.chance - 1)} ${'BLOCKED'.padStart(WIDTH.blocked - 1)} ${'USERS'.padStart(WIDTH.users - 1)} ${'LOST'.padStart(WIDTH.lost - 1)} ${'RULE'.padEnd(WIDTH.rule)}${'SINCE UNTIL'.padEnd(whenWidth)}WHERE`;

const whenText = (r: WafRow, moment: (iso: string | null) => string): string =>
  `${moment(r.first_seen)} ${moment(r.last_seen)}`;

function rowLines(r: WafRow, when: string, paint: Paint): string[] {
  const chance = shareText(r.probability).padStart(WIDTH.chance - 1);
  const colour = r.probability >= 0.9 ? 'green' : r.probability >= 0.5 ? 'yellow' : 'dim';
  const numbers = [
    [r.requests_blocked, WIDTH.blocked],
    [r.legitimate_users, WIDTH.users],
    [r.sessions_lost, WIDTH.lost],
  ] as const;
  const line = `${r.id.padEnd(WIDTH.id)}${paint(colour, chance)} ${numbers.map(([n, w]) => `${wholeNumber(n).padStart(w - 1)} `).join('')}${padToWidth(terminalText(r.rule.id), WIDTH.rule - 1)} ${when}${cutToWidth(terminalText(`${r.path || '(path unknown)'} ${r.target || '(target unknown)'}`), COLUMNS - FIXED_WIDTH - when.length)}`;
  const said = r.status === 'open' ? '' : `${r.status} by ${r.decision?.by ?? ''}. `;
  return [
    line,
    paint('dim', `${''.padEnd(WIDTH.id)}${cutToWidth(terminalText(`${said}${r.rule.message}`), COLUMNS - WIDTH.id)}`),
  ];
}

/** One place with everything that is known of it. */
export function renderRow(r: WafRow, look: ReviewLook): string {
  const paint = painter(look.colour);
  const text = (label: string, value: string): string[] =>
    wrap(`${label.padEnd(11)} ${terminalText(value)}`, COLUMNS, ' '.repeat(12));
  const lines = [
    paint(
      'bold',
      cutToWidth(
        terminalText(`Rule ${r.rule.id} on ${r.path || '(path unknown)'}, ${r.target || '(target unknown)'}`),
        COLUMNS,
      ),
    ),
    ...text('says', r.rule.message || '(nothing)'),
    ...(r.rule.pattern === null ? [] : text('looks for', r.rule.pattern)),
    ...(r.rule.file === null ? [] : text('from', r.rule.file)),
    ...text(
      'blocked',
      `${plural(r.requests_blocked, 'request')} of ${plural(r.clients, 'client address', 'client addresses')} in ${plural(r.networks, 'network')}, ${r.first_seen} to ${r.last_seen}; ${wholeNumber(r.requests_blocked_alone)} by this rule alone`,
    ),
    ...text(
      'users',
      r.legitimate_users === 0
        ? 'nobody who logs in here'
        : `${wholeNumber(r.legitimate_users)} who log in here${r.users.length > 0 ? `: ${r.users.join(', ')}` : ''}`,
    ),
    ...text(
      'cost',
      r.sessions_lost === 0
        ? 'no IMAP session that is known'
        : `${plural(r.sessions_lost, 'IMAP session')}: ${r.lost_sessions
            .slice(0, 5)
            .map((s) => s.session)
            .join(', ')}${r.sessions_lost > 5 ? ' …' : ''}`,
    ),
    ...text(
      'decided',
      r.decision === null
        ? 'not yet'
        : `${r.status} by ${r.decision.by}, ${r.decision.at}${r.decision.expires === null ? '' : `, until ${r.decision.expires}`}${r.decision.note === null ? '' : `: ${r.decision.note}`}`,
    ),
  ];
  if (r.wrong_for_everyone !== null) lines.push('', ...wrap(everyoneText(r), COLUMNS, '').map((l) => paint('red', l)));
  lines.push('', paint('bold', `Evidence that the blocks are false positives, in log-odds`));
  for (const e of r.evidence)
    lines.push(...wrap(`${signed(e.log_odds).padStart(7)}  ${e.name.padEnd(22)} ${e.text}`, COLUMNS, ' '.repeat(32)));
  lines.push(
    `${signed(r.log_odds).padStart(7)}  sum: probability 1 / (1 + e^${(-r.log_odds).toFixed(2)}) = ${r.probability.toFixed(4)}`,
  );
  if (r.examples.length > 0) lines.push('', paint('bold', 'Examples; what matched is in ⟦brackets⟧'));
  for (const e of r.examples) {
    const who = [e.client, e.user].filter((x) => x !== null).join(' ');
    const query = e.query === null ? '' : `?${e.query}`;
    lines.push(cutToWidth(terminalText(`  ${e.at}  ${who}  ${e.method ?? ''} ${e.path ?? ''}${query}`), COLUMNS));
    lines.push(`      ${pieces(e.value, e.value_length, paint)}`);
    if (e.session !== null) lines.push(paint('dim', `      imapwhy explain ${terminalText(e.session)}`));
  }
  return `${lines.map((l) => l.trimEnd()).join('\n')}\n`;
}

function pieces(value: readonly Piece[], length: number | null, paint: Paint): string {
  if (value.length === 0)
    return length === null
      ? '(the log does not show the value)'
      : `(a secret of ${wholeNumber(length)} characters, not kept)`;
  let left = COLUMNS - 10;
  let out = '';
  for (const p of value) {
    const shown = cutToWidth(terminalText(p.text), left);
    left -= textWidth(shown);
    out += p.matched ? paint('inverse', `⟦${shown}⟧`) : shown;
    if (left <= 0) break;
  }
  return out;
}

const signed = (x: number): string => `${x < 0 ? '-' : '+'}${Math.abs(x).toFixed(2)}`;

function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S) /)) {
    const next = line === '' ? `${lines.length > 0 ? indent : ''}${word}` : `${line} ${word}`;
    if (textWidth(next) > columns && line !== '') {
      lines.push(line);
      line = cutToWidth(`${indent}${word}`, columns);
    } else line = next;
  }
  return line === '' ? lines : [...lines, line];
}
