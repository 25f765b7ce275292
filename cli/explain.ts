import type { Command } from 'commander';
import { DateTime } from 'luxon';
import { OutputError } from '../outputs/output-error.ts';
import { type ReadStore, readStore, type StoreReader } from '../outputs/sqlite.ts';
import type { Profile } from '../processors/profile/profile.ts';
import { parseZone } from '../processors/time.ts';
import { jsonText, terminalText } from '../reports/clean-text.ts';
import { explain } from '../reports/explain.ts';
import { explanationLines, listLine, momentText, type StyledLine } from '../reports/explain-lines.ts';
import { type Found, findById, OTHERS_MAX } from './find-session.ts';
import { type Moment, parseMoment } from './moment.ts';

export const DEFAULT_STORE = './imapwhy-out/imapwhy.db';

export interface ExplainOptions {
  readonly user?: string;
  readonly at?: string;
  readonly tz?: string;
  readonly store?: string;
  readonly json?: boolean;
}

/** Where the command writes, and what it may assume of it. */
export interface ExplainTerminal {
  readonly width: number;
  readonly colour: boolean;
  out(text: string): void;
  err(text: string): void;
}

export const DONE = 0;
export const FAILED = 1;
export const WRONG_USE = 2;

const WINDOW_MS = 30 * 60_000; // a person's 09:13 is a memory, not a stamp
const DAY_MS = 86_400_000;
const DAYS_MAX = 3660;

/** Adds `explain` to the program. */
export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description('show the whole decision about one session: its lines, phases, evidence, alternatives and remedy')
    .argument('[id]', "id of the session, its first characters, or Dovecot's session id")
    .option('--user <name>', 'the user, with or without domain')
    .option('--at <time>', '09:13 (on the latest day that has such a session), 2026-03-17 09:13, or an ISO time')
    .option('--tz <zone>', 'zone of --at and of what is shown (default: that of the last analysis, else UTC)')
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .option('--json', 'the explanation as JSON')
    .action((id: string | undefined, options: ExplainOptions) => {
      process.exitCode = runExplain(id, options, terminalOf(process.stdout));
    });
}

function terminalOf(stdout: NodeJS.WriteStream): ExplainTerminal {
  const noColour = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== '';
  return {
    width: stdout.isTTY && stdout.columns > 0 ? stdout.columns : 100,
    colour: stdout.isTTY === true && !noColour && process.env.TERM !== 'dumb',
    out: (text) => stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
}

/** Runs the command and returns its exit code; throws only what is our own mistake. */
export function runExplain(id: string | undefined, options: ExplainOptions, terminal: ExplainTerminal): number {
  const complain = (code: number, ...lines: readonly string[]): number => {
    for (const line of lines) terminal.err(`${terminalText(line)}\n`);
    return code;
  };
  const misuse = wrongUse(id, options);
  if (misuse !== undefined) return complain(WRONG_USE, `error: ${misuse}`, 'See: imapwhy explain --help');

  let store: ReadStore | undefined;
  try {
    store = readStore(options.store ?? DEFAULT_STORE);
    const zone = luxonZone(options.tz ?? store.runs()[0]?.zone ?? 'UTC');
    const found = id !== undefined ? findById(store, id) : findByUser(store, options, zone);
    if ('notFound' in found) return complain(FAILED, ...found.notFound);
    show(store, found, options.json === true, zone, terminal);
    return DONE;
  } catch (error) {
    if (error instanceof OutputError) return complain(FAILED, `error: ${error.message}`);
    throw error;
  } finally {
    store?.close();
  }
}

function wrongUse(id: string | undefined, options: ExplainOptions): string | undefined {
  if (id !== undefined && (options.user !== undefined || options.at !== undefined)) {
    return 'give either an id, or --user and --at, not both';
  }
  if (id === undefined && options.user === undefined) {
    return options.at === undefined
      ? 'say which session: imapwhy explain ID, or imapwhy explain --user anna --at 09:13'
      : '--at needs --user: imapwhy explain --user anna --at 09:13';
  }
  if (id === '' || options.user === '') return 'the id or user is empty';
  if (options.tz !== undefined && parseZone(options.tz) === undefined) {
    return `--tz ${options.tz}: unknown zone. Use a name such as Europe/Warsaw, or an offset such as +02:00`;
  }
  if (options.at !== undefined && parseMoment(options.at, luxonZone(options.tz ?? 'UTC')) === undefined) {
    return `--at ${options.at}: not a time. Use 09:13, 09:13:20, "2026-03-17 09:13" or 2026-03-17T09:13:20Z`;
  }
  return undefined;
}

/** luxon reads `+02:00` as a name only with UTC before it. */
export function luxonZone(zone: string): string {
  const name = parseZone(zone)?.name ?? 'UTC';
  return /^[+-]/.test(name) ? `UTC${name}` : name;
}

function findByUser(store: StoreReader, options: ExplainOptions, zone: string): Found {
  const user = options.user ?? '';
  if (options.at === undefined) {
    const latest = store.findProfiles({ user, limit: OTHERS_MAX + 1 });
    // Somebody who asks without a time asks about what went wrong last.
    const first = latest.find((p) => p.imapwhy.outcome !== 'ok') ?? latest[0];
    if (!first) return nothingNear(store, user, undefined, zone);
    return { profile: first, others: latest.filter((p) => p !== first) };
  }
  const moment = parseMoment(options.at, zone);
  if (moment === undefined) return { notFound: [] }; // wrongUse has refused it already
  const [profile, ...others] = sessionsNear(store, user, moment, zone);
  return profile ? { profile, others } : nothingNear(store, user, moment, zone);
}

function sessionsNear(store: StoreReader, user: string, moment: Moment, zone: string): readonly Profile[] {
  const near = (at: number): readonly Profile[] =>
    store.findProfiles({ user, at, atSpanMs: moment.spanMs, windowMs: WINDOW_MS, limit: OTHERS_MAX + 1 });
  if (moment.kind === 'instant') return near(moment.at);
  // Without a date: the latest day that has such a session.
  const [latest] = store.findProfiles({ user, limit: 1 });
  if (!latest) return [];
  const [earliest] = store.findProfiles({ user, at: 0, limit: 1 }); // nearest to 1970
  const oldest = Date.parse(earliest?.event.start ?? latest.event.start) - DAY_MS;
  // One day more, because a session of yesterday evening may last into the next morning.
  let day = DateTime.fromMillis(Date.parse(latest.event.end), { zone }).startOf('day').plus({ days: 1 });
  for (let i = 0; i < DAYS_MAX && day.toMillis() >= oldest - DAY_MS; i++) {
    const found = near(day.set({ hour: moment.hour, minute: moment.minute, second: moment.second }).toMillis());
    if (found.length > 0) return found;
    day = day.minus({ days: 1 });
  }
  return [];
}

function nothingNear(store: StoreReader, user: string, moment: Moment | undefined, zone: string): Found {
  const when = (p: Profile): string => `${momentText(p.event.start, zone, 'yyyy-MM-dd HH:mm:ss')} ${zone}`;
  const at = moment?.kind === 'instant' ? { at: moment.at, atSpanMs: moment.spanMs } : {};
  const own =
    moment?.kind === 'time-of-day'
      ? nearestTimeOfDay(store, user, moment, zone)
      : store.findProfiles({ user, ...at, limit: 1 })[0];
  if (own) {
    return {
      notFound: [
        `No session of ${user} within 30 minutes of that time.`,
        `The nearest is ${own.imapwhy.session.id}, from ${when(own)} (${own.imapwhy.outcome}): imapwhy explain -- ${own.imapwhy.session.id}`,
      ],
    };
  }
  const others = store.findProfiles({ ...at, limit: 200 }).filter((p) => p.user.name !== null);
  const names = [...new Set(others.map((p) => p.user.name ?? ''))].slice(0, 5);
  const first = others[0];
  return {
    notFound: [
      `No session of ${user} is in the store.`,
      ...(first
        ? [
            `The nearest of another user is ${first.imapwhy.session.id} of ${first.user.name ?? ''}, from ${when(first)}.`,
            `Users near it: ${names.join(', ')}`,
          ]
        : ['No session with a user is in it at all.']),
    ],
  };
}

/** Of the user's latest sessions the one whose start is nearest to that time of the day, whatever the day. */
function nearestTimeOfDay(
  store: StoreReader,
  user: string,
  moment: Extract<Moment, { kind: 'time-of-day' }>,
  zone: string,
): Profile | undefined {
  const wanted = (moment.hour * 60 + moment.minute) * 60 + moment.second;
  const distance = (p: Profile): number => {
    const t = DateTime.fromISO(p.event.start, { zone });
    const apart = Math.abs((t.hour * 60 + t.minute) * 60 + t.second - wanted);
    return Math.min(apart, 86_400 - apart);
  };
  const latest = store.findProfiles({ user, limit: 1000 });
  return latest.reduce<Profile | undefined>(
    (best, p) => (best === undefined || distance(p) < distance(best) ? p : best),
    undefined,
  );
}

function show(
  store: StoreReader,
  found: { readonly profile: Profile; readonly others: readonly Profile[] },
  asJson: boolean,
  zone: string,
  terminal: ExplainTerminal,
): void {
  const explanation = explain(found.profile, store.eventsOf(found.profile.imapwhy.session.id));
  const others = found.others.map((p) => explain(p, []));
  if (asJson) {
    const short = others.map(({ id, headline: h }) => ({
      id,
      start: h.start,
      end: h.end,
      user: h.user,
      outcome: h.outcome,
      cause: h.cause,
    }));
    terminal.out(`${jsonText({ ...explanation, others: short })}\n`);
    return;
  }
  const options = { width: terminal.width, zone };
  const lines = [...explanationLines(explanation, options)];
  if (others.length > 0) {
    lines.push({ style: 'plain', text: '' }, { style: 'heading', text: 'Other sessions that match' });
    for (const other of others) lines.push(listLine(other.headline, other.id, options));
  }
  terminal.out(`${lines.map((line) => coloured(line, terminal.colour)).join('\n')}\n`);
}

const COLOURS: Readonly<Record<StyledLine['style'], string>> = {
  title: '\x1b[1m',
  heading: '\x1b[1;36m',
  plain: '',
  faint: '\x1b[2m',
  good: '\x1b[32m',
  bad: '\x1b[31m',
  warning: '\x1b[1;33m',
};

function coloured(line: StyledLine, colour: boolean): string {
  const begin = colour && line.text !== '' ? COLOURS[line.style] : '';
  return begin === '' ? line.text : `${begin}${line.text}\x1b[0m`;
}
