/**
 * What `dovecotEcs` says of login and session lines, as JSON text: these lines are most of a mail log. The test of `ecs-line.ts` holds
 * both against each other. Parts that do not change are made once from `dovecotEcs` itself, so that they are said in one place only.
 */
import type { DovecotLoginEvent, DovecotSessionEvent } from './dovecot.ts';
import { dovecotEcs, nanoseconds, peerPort } from './dovecot-ecs.ts';
import { hasEscapes, quoted } from './json-text.ts';

/** Members of objects, each with a comma in front. */
export interface TextFields {
  /** Of `event`, without `action`. */
  readonly event: string;
  /** Of the document, without `event`. */
  readonly rest: string;
  /** `ip` and `user` of `related`. */
  readonly related: string;
}

/** The ECS fields of a line, `process.pid` from the envelope included. */
export function dovecotFields(e: DovecotLoginEvent | DovecotSessionEvent): TextFields {
  return e.dataset === 'dovecot.login' ? loginFields(e) : sessionFields(e);
}

function loginFields(e: DovecotLoginEvent): TextFields {
  const duration = e.action === 'disconnected' ? nanoseconds(e.waitedSeconds) : undefined;
  const rip = e.rip === undefined ? undefined : quoted(e.rip);
  const lip = e.lip === undefined ? undefined : quoted(e.lip);
  const user = e.user === undefined ? undefined : quoted(e.user);
  const port = e.rport ?? peerPort(e);
  const source =
    rip === undefined ? '' : `,"source":{"ip":${rip}${number(',"port":', port)}${number(',"bytes":', e.bytesIn)}}`;
  const server = lip === undefined ? '' : `,"server":{"ip":${lip}${number(',"port":', e.lport)}}`;
  const details =
    `${text(',"session_id":"', e.session)}${text(',"method":"', e.method)},"tls":"${e.tls}"` +
    `${text(',"tls_error":"', e.tlsError)}${text(',"end":"', e.end)}${text(',"auth":"', e.auth)}` +
    `${number(',"attempts":', e.attempts)}${number(',"waited_seconds":', e.waitedSeconds)}` +
    `${number(',"timer_seconds":', e.timerSeconds)}${text(',"ended_by":"', e.endedBy)}`;
  return {
    event: `${outcomeOf(e)}${text(',"reason":"', e.reason)}${number(',"duration":', duration)}`,
    rest:
      `${source}${server}${bytesOut(e.bytesOut)}${userText(e.user, user)},"tls":{"established":${e.tls === 'established'}}` +
      `,"network":{"protocol":${quoted(e.protocol)}}${process(e.mpid ?? e.line.pid)},"service":{"type":"dovecot"}` +
      `${e.client === undefined ? '' : `,"user_agent":{"original":${quoted(e.client)}}`},"dovecot":{${details.slice(1)}}`,
    related: addresses(rip, lip) + relatedUser(user),
  };
}

function sessionFields(e: DovecotSessionEvent): TextFields {
  const user = e.user === undefined ? undefined : quoted(e.user);
  const seconds = e.action === 'lock-wait' ? e.lockSeconds : e.action === 'slow' ? e.waitingSeconds : undefined;
  const details =
    `${text(',"session_id":"', e.session)}${text(',"end":"', e.end)}${text(',"tls_error":"', e.tlsError)}${text(',"command":"', e.command)}` +
    `${text(',"command_state":"', e.commandState)}${number(',"command_seconds":', e.commandSeconds)}` +
    `${text(',"waiting_for":"', e.waitingFor)}${number(',"waiting_seconds":', e.waitingSeconds)}` +
    `${number(',"lock_seconds":', e.lockSeconds)}${number(',"buffered_out":', e.bufferedOut)}` +
    `${number(',"inactive_seconds":', e.inactiveSeconds)}`;
  return {
    event: `${outcomeOf(e)}${text(',"reason":"', e.reason)}${number(',"duration":', nanoseconds(seconds))}`,
    rest:
      `${bytesIn(e.bytesIn)}${bytesOut(e.bytesOut)}${userText(e.user, user)}` +
      `,"network":{"protocol":${quoted(e.protocol)}}${process(e.pid ?? e.line.pid)},"service":{"type":"dovecot"}` +
      `,"dovecot":{${details.slice(1)}}`,
    related: relatedUser(user),
  };
}

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
function text(before: string, value: string | undefined): string {
  if (value === undefined) return '';
  return hasEscapes(value) ? before + JSON.stringify(value).slice(1) : `${before}${value}"`;
}

const bytesIn = (bytes: number | undefined): string =>
  bytes === undefined ? '' : `${number(',"source":{"bytes":', bytes)}}`;

const bytesOut = (bytes: number | undefined): string =>
  bytes === undefined ? '' : `${number(',"destination":{"bytes":', bytes)}}`;

const process = (pid: number | undefined): string => (pid === undefined ? '' : `${number(',"process":{"pid":', pid)}}`);

/** See `ecsUser`. The name comes with its quotes too. */
function userText(name: string | undefined, inQuotes: string | undefined): string {
  if (name === undefined) return '';
  const at = name.lastIndexOf('@');
  const domain = at > 0 && at < name.length - 1 ? text(',"domain":"', name.slice(at + 1)) : '';
  return `,"user":{"name":${inQuotes}${domain}}`;
}

const EMPTY = '""';

/** Each address once, with its quotes. */
function addresses(rip: string | undefined, lip: string | undefined): string {
  const second = lip === undefined || lip === EMPTY || lip === rip ? '' : lip;
  if (rip === undefined || rip === EMPTY) return second === '' ? '' : `,"ip":[${second}]`;
  return second === '' ? `,"ip":[${rip}]` : `,"ip":[${rip},${second}]`;
}

const relatedUser = (name: string | undefined): string =>
  name === undefined || name === EMPTY ? '' : `,"user":[${name}]`;
