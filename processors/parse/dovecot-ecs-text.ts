/**
 * What `dovecotEcs` says of login and session lines, as JSON text: these lines are most of a mail log. The test of `ecs-line.ts` holds
 * both against each other. Parts that do not change are made once from `dovecotEcs` itself, so that they are said in one place only.
 */
import type { DovecotLoginEvent, DovecotSessionEvent } from './dovecot.ts';
import { dovecotEcs, nanoseconds, peerPort } from './dovecot-ecs.ts';
import { hasEscapes, quoted } from './json-text.ts';

/** Members of objects. */
export interface TextFields {
  /** Of `event`, without `action`, each with a comma in front. */
  readonly event: string;
  /** Of the document, without `event`, each with a comma in front. */
  readonly rest: string;
  /** `ip` and `user` of `related`, with a comma between them. */
  readonly related: string;
}

/**
 * The ECS fields of a line, `process.pid` from the envelope included. `plain`: the line is ASCII without anything that JSON escapes, and so
 * is every piece of it. (To look at each of them again took 0.3 µs a line.)
 */
export function dovecotFields(e: DovecotLoginEvent | DovecotSessionEvent, plain: boolean): TextFields {
  return e.dataset === 'dovecot.login' ? loginFields(e, plain) : sessionFields(e, plain);
}

function loginFields(e: DovecotLoginEvent, plain: boolean): TextFields {
  const duration = e.action === 'disconnected' ? nanoseconds(e.waitedSeconds) : undefined;
  const rip = inQuotes(e.rip, plain);
  const lip = inQuotes(e.lip, plain);
  const user = inQuotes(e.user, plain);
  const port = e.rport ?? peerPort(e);
  const source =
    rip === undefined ? '' : `,"source":{"ip":${rip}${number(',"port":', port)}${number(',"bytes":', e.bytesIn)}}`;
  const server = lip === undefined ? '' : `,"server":{"ip":${lip}${number(',"port":', e.lport)}}`;
  const session = e.session === undefined ? '' : text('"session_id":"', e.session, plain);
  const method = text(session === '' ? '"method":"' : ',"method":"', e.method, plain);
  const tls = session === '' && method === '' ? `"tls":"${e.tls}"` : `,"tls":"${e.tls}"`;
  return {
    event: `${outcomeOf(e)}${text(',"reason":"', e.reason, plain)}${number(',"duration":', duration)}`,
    rest:
      `${source}${server}${bytesOut(e.bytesOut)}${userText(e.user, user, plain)}${TLS[e.tls]}` +
      `,"network":{"protocol":${inQuotes(e.protocol, plain)}}${process(e.mpid ?? e.line.pid)},"service":{"type":"dovecot"}` +
      `${e.client === undefined ? '' : `,"user_agent":{"original":${inQuotes(e.client, plain)}}`}` +
      `,"dovecot":{${session}${method}${tls}` +
      `${text(',"tls_error":"', e.tlsError, plain)}${word(',"end":"', e.end)}${word(',"auth":"', e.auth)}` +
      `${number(',"attempts":', e.attempts)}${number(',"waited_seconds":', e.waitedSeconds)}` +
      `${number(',"timer_seconds":', e.timerSeconds)}${word(',"ended_by":"', e.endedBy)}}`,
    related: joined(addresses(rip, lip), relatedUser(user)),
  };
}

function sessionFields(e: DovecotSessionEvent, plain: boolean): TextFields {
  const user = inQuotes(e.user, plain);
  const seconds = e.action === 'lock-wait' ? e.lockSeconds : e.action === 'slow' ? e.waitingSeconds : undefined;
  const session = e.session === undefined ? '' : text('"session_id":"', e.session, plain);
  const details =
    `${word(',"end":"', e.end)}${text(',"tls_error":"', e.tlsError, plain)}${text(',"command":"', e.command, plain)}` +
    `${word(',"command_state":"', e.commandState)}${number(',"command_seconds":', e.commandSeconds)}` +
    `${word(',"waiting_for":"', e.waitingFor)}${number(',"waiting_seconds":', e.waitingSeconds)}` +
    `${number(',"lock_seconds":', e.lockSeconds)}${number(',"buffered_out":', e.bufferedOut)}` +
    `${number(',"inactive_seconds":', e.inactiveSeconds)}`;
  return {
    event: `${outcomeOf(e)}${text(',"reason":"', e.reason, plain)}${number(',"duration":', nanoseconds(seconds))}`,
    rest:
      `${bytesIn(e.bytesIn)}${bytesOut(e.bytesOut)}${userText(e.user, user, plain)}` +
      `,"network":{"protocol":${inQuotes(e.protocol, plain)}}${process(e.pid ?? e.line.pid)},"service":{"type":"dovecot"}` +
      `,"dovecot":{${session}${session === '' ? details.slice(1) : details}}`,
    related: relatedUser(user),
  };
}

const TLS: Readonly<Record<DovecotLoginEvent['tls'], string>> = {
  none: ',"tls":{"established":false}',
  handshaking: ',"tls":{"established":false}',
  established: ',"tls":{"established":true}',
  secured: ',"tls":{"established":false}',
};

/** Category, type and outcome, which depend on action and end alone. */
function outcomeOf(e: DovecotLoginEvent | DovecotSessionEvent): string {
  const known = OUTCOMES[e.dataset].get(e.action)?.get(e.end);
  if (known !== undefined) return known;
  const { action: _action, reason: _reason, duration: _duration, ...event } = Object(dovecotEcs(e).event);
  const made = `,${JSON.stringify(event).slice(1, -1)}`;
  const ofAction = OUTCOMES[e.dataset].get(e.action) ?? new Map();
  OUTCOMES[e.dataset].set(e.action, ofAction.set(e.end, made));
  return made;
}

/** By action, then end. Bounded: both are short lists. */
type Outcomes = Map<string, Map<string | undefined, string>>;
const OUTCOMES: Readonly<Record<'dovecot.login' | 'dovecot.session', Outcomes>> = {
  'dovecot.login': new Map(),
  'dovecot.session': new Map(),
};

/** `before` is a comma, the quoted name and a colon. */
const number = (before: string, value: number | undefined): string =>
  value === undefined ? '' : before + (Number.isFinite(value) ? value : null);

/** `before` ends with the opening quote. Fewer pieces make a line that is flattened sooner. */
function text(before: string, value: string | undefined, plain: boolean): string {
  if (value === undefined) return '';
  return plain || !hasEscapes(value) ? `${before}${value}"` : before + JSON.stringify(value).slice(1);
}

/** The same for our own words. */
const word = (before: string, value: string | undefined): string => (value === undefined ? '' : `${before}${value}"`);

function inQuotes(value: string | undefined, plain: boolean): string | undefined {
  if (value === undefined) return undefined;
  return plain ? `"${value}"` : quoted(value);
}

const bytesIn = (bytes: number | undefined): string =>
  bytes === undefined ? '' : `${number(',"source":{"bytes":', bytes)}}`;

const bytesOut = (bytes: number | undefined): string =>
  bytes === undefined ? '' : `${number(',"destination":{"bytes":', bytes)}}`;

const process = (pid: number | undefined): string => (pid === undefined ? '' : `${number(',"process":{"pid":', pid)}}`);

/** See `ecsUser`. The name comes with its quotes too. */
function userText(name: string | undefined, nameInQuotes: string | undefined, plain: boolean): string {
  if (name === undefined) return '';
  const at = name.lastIndexOf('@');
  const domain = at > 0 && at < name.length - 1 ? text(',"domain":"', name.slice(at + 1), plain) : '';
  return `,"user":{"name":${nameInQuotes}${domain}}`;
}

const EMPTY = '""';

/** Each address once, with its quotes. */
function addresses(rip: string | undefined, lip: string | undefined): string {
  const second = lip === undefined || lip === EMPTY || lip === rip ? '' : lip;
  if (rip === undefined || rip === EMPTY) return second === '' ? '' : `"ip":[${second}]`;
  return second === '' ? `"ip":[${rip}]` : `"ip":[${rip},${second}]`;
}

const relatedUser = (name: string | undefined): string =>
  name === undefined || name === EMPTY ? '' : `"user":[${name}]`;

/** With a comma between them, if both say something. */
export const joined = (a: string, b: string): string => (a === '' ? b : b === '' ? a : `${a},${b}`);
