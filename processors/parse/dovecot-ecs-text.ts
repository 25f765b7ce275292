/**
 * What `dovecotEcs` says of login and session lines, as JSON text: these lines are most of a mail log. The test of `ecs-line.ts` holds
 * both against each other. Parts that do not change are made once from `dovecotEcs` itself, so that they are said in one place only.
 *
 * The texts are made of few and large pieces (quotes and commas belong to the constants), because each piece costs when the engine puts
 * the line together: 0.3 µs a line less than with a piece for each sign.
 */
import { tlsVersionNumber } from '../tls-version.ts';
import type { DovecotLoginEvent, DovecotSessionEvent } from './dovecot.ts';
import { dovecotEcs, nanoseconds, peerPort } from './dovecot-ecs.ts';
import { hasEscapes } from './json-text.ts';

/** Parts of a document. */
export interface TextFields {
  /** From behind `event.id` up to the text of `event.original`. */
  readonly kind: string;
  /** What is the format's own from `event.category` on, the end of `event` included, each member with a comma in front. */
  readonly own: string;
  /** The members `ip` and `user` of `related`. */
  readonly related: string;
}

type Event = DovecotLoginEvent | DovecotSessionEvent;

/**
 * The ECS fields of a line, `process.pid` from the envelope included. `plain`: the line is ASCII without anything that JSON escapes, and so
 * is every piece of it. (To look at each of them again took 0.3 µs a line.)
 */
export function dovecotFields(e: Event, plain: boolean): TextFields {
  return e.dataset === 'dovecot.login' ? loginFields(e, plain) : sessionFields(e, plain);
}

function loginFields(e: DovecotLoginEvent, plain: boolean): TextFields {
  const known = wordsOf(e);
  const duration = e.action === 'disconnected' ? nanoseconds(e.waitedSeconds) : undefined;
  const rip = escaped(e.rip, plain);
  const lip = escaped(e.lip, plain);
  const user = escaped(e.user, plain);
  const port = e.rport ?? peerPort(e);
  const pid = e.mpid ?? e.line.pid;
  const source =
    rip === undefined
      ? ''
      : `,"source":{"ip":"${rip}${port === undefined ? '"' : number('","port":', port)}${number(',"bytes":', e.bytesIn)}}`;
  const server = lip === undefined ? '' : `,"server":{"ip":"${lip}"${number(',"port":', e.lport)}}`;
  return {
    kind: known.kind,
    own:
      `${known.outcome}${escaped(e.reason, plain)}"${number(',"duration":', duration)}}${source}${server}${bytesOut(e.bytesOut)}` +
      `${userText(user)}${TLS[e.tls]}${negotiated(e, plain)}},"network":{"protocol":"${escaped(e.protocol, plain)}${pid === undefined ? '"}' : `${number('"},"process":{"pid":', pid)}}`}` +
      `,"service":{"type":"dovecot"}${text(',"user_agent":{"original":"', e.client, plain, '"}')}` +
      `,"dovecot":{${text('"session_id":"', e.session, plain, '",')}${text('"method":"', e.method, plain, '",')}"tls":"${e.tls}"` +
      `${text(',"tls_error":"', e.tlsError, plain, '"')}${word(',"end":"', e.end)}${word(',"auth":"', e.auth)}` +
      `${number(',"attempts":', e.attempts)}${number(',"waited_seconds":', e.waitedSeconds)}` +
      `${number(',"timer_seconds":', e.timerSeconds)}${word(',"ended_by":"', e.endedBy)}}`,
    related: relatedText(rip, lip, user),
  };
}

function sessionFields(e: DovecotSessionEvent, plain: boolean): TextFields {
  const known = wordsOf(e);
  const user = escaped(e.user, plain);
  const seconds = e.action === 'lock-wait' ? e.lockSeconds : e.action === 'slow' ? e.waitingSeconds : undefined;
  const pid = e.pid ?? e.line.pid;
  const session = text('"session_id":"', e.session, plain, '"');
  const details =
    `${word(',"end":"', e.end)}${text(',"tls_error":"', e.tlsError, plain, '"')}${text(',"command":"', e.command, plain, '"')}` +
    `${word(',"command_state":"', e.commandState)}${number(',"command_seconds":', e.commandSeconds)}` +
    `${word(',"waiting_for":"', e.waitingFor)}${number(',"waiting_seconds":', e.waitingSeconds)}` +
    `${number(',"lock_seconds":', e.lockSeconds)}${number(',"buffered_out":', e.bufferedOut)}` +
    `${number(',"inactive_seconds":', e.inactiveSeconds)}`;
  return {
    kind: known.kind,
    own:
      `${known.outcome}${escaped(e.reason, plain)}"${number(',"duration":', nanoseconds(seconds))}}` +
      `${e.bytesIn === undefined ? '' : `${number(',"source":{"bytes":', e.bytesIn)}}`}${bytesOut(e.bytesOut)}${userText(user)}` +
      `,"network":{"protocol":"${escaped(e.protocol, plain)}${pid === undefined ? '"}' : `${number('"},"process":{"pid":', pid)}}`}` +
      `,"service":{"type":"dovecot"},"dovecot":{${session}${session === '' ? details.slice(1) : details}}`,
    related: relatedText(undefined, undefined, user),
  };
}

const TLS = {
  none: ',"tls":{"established":false',
  handshaking: ',"tls":{"established":false',
  established: ',"tls":{"established":true',
  secured: ',"tls":{"established":false',
} as const satisfies Record<DovecotLoginEvent['tls'], string>;

const negotiated = ({ tlsVersion, tlsCipher }: DovecotLoginEvent, plain: boolean): string =>
  tlsVersion === undefined
    ? ''
    : `,"version":"${escaped(tlsVersionNumber(tlsVersion), plain)}","version_protocol":"tls"${text(',"cipher":"', tlsCipher, plain, '"')}`;

/** What depends on dataset, action and end alone. */
interface Words {
  readonly kind: string;
  /** Category, type and outcome, up to the text of `event.reason`. */
  readonly outcome: string;
}

/** By action, then end. Bounded: both are short lists. */
type KnownWords = Map<string, Map<string | undefined, Words>>;
const WORDS: Readonly<Record<Event['dataset'], KnownWords>> = {
  'dovecot.login': new Map(),
  'dovecot.session': new Map(),
};

function wordsOf(e: Event): Words {
  const known = WORDS[e.dataset].get(e.action)?.get(e.end);
  if (known !== undefined) return known;
  const { action: _action, reason: _reason, duration: _duration, ...event } = Object(dovecotEcs(e).event);
  const made = {
    kind: `","kind":"event","dataset":"${e.dataset}","action":"${e.action}","original":"`,
    outcome: `,${JSON.stringify(event).slice(1, -1)},"reason":"`,
  };
  const ofAction = WORDS[e.dataset].get(e.action) ?? new Map<string | undefined, Words>();
  WORDS[e.dataset].set(e.action, ofAction.set(e.end, made));
  return made;
}

/** `before` ends with a colon. */
const number = (before: string, value: number | undefined): string =>
  value === undefined ? '' : before + (Number.isFinite(value) ? value : null);

/** One of our own words. */
const word = (before: string, value: string | undefined): string => (value === undefined ? '' : `${before}${value}"`);

const text = (before: string, value: string | undefined, plain: boolean, behind: string): string =>
  value === undefined ? '' : `${before}${escaped(value, plain)}${behind}`;

function escaped<T extends string | undefined>(value: T, plain: boolean): T | string {
  return plain || value === undefined || !hasEscapes(value) ? value : JSON.stringify(value).slice(1, -1);
}

const bytesOut = (bytes: number | undefined): string =>
  bytes === undefined ? '' : `${number(',"destination":{"bytes":', bytes)}}`;

/** See `ecsUser`. Escapes have no `@`. */
function userText(name: string | undefined): string {
  if (name === undefined) return '';
  const at = name.lastIndexOf('@');
  return at > 0 && at < name.length - 1
    ? `,"user":{"name":"${name}","domain":"${name.slice(at + 1)}"}`
    : `,"user":{"name":"${name}"}`;
}

/** Each address once; nothing that is empty. */
function relatedText(rip: string | undefined, lip: string | undefined, user: string | undefined): string {
  const second = lip === rip ? '' : (lip ?? '');
  const addresses = rip === undefined || rip === '' ? second : second === '' ? rip : `${rip}","${second}`;
  const name = user ?? '';
  if (addresses === '') return name === '' ? '' : `"user":["${name}"]`;
  return name === '' ? `"ip":["${addresses}"]` : `"ip":["${addresses}"],"user":["${name}"]`;
}
