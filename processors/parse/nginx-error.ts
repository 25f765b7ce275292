import type { Line, Stamp } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import { type ErrorHead, readBracketHead, readNginxHead } from './error-log-head.ts';
import { bounded, hostName, readRequestLine, redactText } from './http-request.ts';
import { parseBrokenJson } from './json-repair.ts';
import { epochStamp, isoStamp } from './log-time.ts';
import type { ModsecurityEvent } from './modsecurity.ts';
import { readSentence, sentenceEvent } from './modsecurity-sentence.ts';
import type { NginxErrorEvent } from './nginx.ts';
import { failed, type ParseOutcome, parsed, type RecordContext } from './parser.ts';

type ErrorOutcome = ParseOutcome<NginxErrorEvent | ModsecurityEvent>;

/** One error log line of nginx or Apache, or one line of Coraza's logger, plain or in Caddy's JSON. Never throws. */
export function parseErrorLine(line: Line, context: RecordContext): ErrorOutcome {
  const text = line.message;
  if (text.charCodeAt(0) === 123) return parseCaddyJson(line, context);
  const head = readNginxHead(text, context.zone) ?? readBracketHead(text, context.zone);
  const stamp = head.stamp ?? line.stamp;
  const sentence = sentenceOf(head.message);
  if (sentence === undefined && head.server === 'other') return failed('unknown_message', 'message');
  if (stamp === undefined) return failed('bad_time', 'time');
  if (head.message === '') return failed('missing_field', 'message');
  return parsed(sentence === undefined ? plainEvent(line, stamp, head) : wafEvent(line, stamp, head, sentence));
}

/** Caddy with Coraza: `{"level":"error","ts":1795490652.07,"msg":"[client \"…\"] Coraza: …"}`. */
function parseCaddyJson(line: Line, context: RecordContext): ErrorOutcome {
  const record = parseBrokenJson(line.message.trim());
  if (typeof record !== 'object' || record === null) return failed('bad_json', 'record');
  const fields = new Map<string, unknown>(Object.entries(record));
  const msg = fields.get('msg') ?? fields.get('message');
  const head = readBracketHead(typeof msg === 'string' ? msg : '', context.zone);
  const sentence = sentenceOf(head.message);
  if (sentence === undefined) return failed('unknown_message', 'msg');
  const ts = fields.get('ts') ?? fields.get('time') ?? fields.get('timestamp');
  const own = typeof ts === 'number' ? epochStamp(ts) : typeof ts === 'string' ? isoStamp(ts, context.zone) : undefined;
  const stamp = own ?? head.stamp ?? line.stamp;
  return stamp === undefined ? failed('bad_time', 'ts') : parsed(wafEvent(line, stamp, head, sentence));
}

/** The words after `ModSecurity: ` or `Coraza: `, if the message begins so. */
function sentenceOf(message: string): string | undefined {
  if (message.startsWith('ModSecurity: ')) return message.slice(13);
  return message.startsWith('Coraza: ') ? message.slice(8) : undefined;
}

function wafEvent(line: Line, stamp: Stamp, head: ErrorHead, sentence: string): ModsecurityEvent {
  const read = readSentence(sentence);
  const tail = head.server === 'nginx' ? readTail(sentence, read.end) : NO_TAIL;
  const request = readRequestLine(tail.request ?? '');
  return sentenceEvent(
    line,
    stamp,
    {
      clientIp: head.clientIp ?? tail.clientIp,
      clientPort: head.clientPort,
      method: request.method,
      path: request.path,
      query: request.query,
      host: hostName(tail.host),
    },
    read,
  );
}

function plainEvent(line: Line, stamp: Stamp, head: ErrorHead): NginxErrorEvent {
  const tail = head.server === 'nginx' ? readTail(head.message, 0) : NO_TAIL;
  const said = head.message.slice(0, tail.at);
  const action = head.server === 'nginx' ? actionOf(said, tail) : 'notice';
  const limited = action === 'request-limited' || action === 'connection-limited';
  const request = readRequestLine(tail.request ?? '');
  return {
    line,
    stamp,
    dataset: 'nginx.error',
    action,
    level: head.level,
    clientIp: head.clientIp ?? tail.clientIp ?? (action === 'mail-proxy' ? connectedClient(said) : undefined),
    zone: limited ? between(said, 'by zone "', '"') : undefined,
    excess: limited ? readExcess(said) : undefined,
    dryRun: limited && said.includes(', dry run'),
    method: request.method,
    path: request.path,
    user: tail.login,
    reason: reasonOf(said),
  };
}

/** What nginx appends to its messages. `at` is where it begins, the end of the message if there is none. */
interface Tail {
  readonly at: number | undefined;
  readonly clientIp: string | undefined;
  readonly server: string | undefined;
  readonly request: string | undefined;
  readonly host: string | undefined;
  readonly login: string | undefined;
}

const NO_TAIL: Tail = {
  at: undefined,
  clientIp: undefined,
  server: undefined,
  request: undefined,
  host: undefined,
  login: undefined,
};
const CLIENT = ', client: ';
const CANDIDATES_MAX = 16;

/**
 * Reads `, client: IP, server: S, request: "R", upstream: "U", host: "H", referrer: "X"` or a mail proxy's `login: "L", upstream: U`.
 * Neither the message nor the tail escapes what a client sent, so either may hold a forged `, client: `. If they do not agree the
 * address is left out, rather than blaming somebody else; words of nginx itself cannot be forged, so then the first one holds.
 * After a sentence of ModSecurity the tail begins where its tags end (`tagsEnd`, else 0).
 */
function readTail(text: string, tagsEnd: number): Tail {
  const afterTags = tagsEnd > 0;
  let at = -1;
  let clientIp: string | undefined;
  let agreed = true;
  let seen = 0;
  for (let i = text.indexOf(CLIENT, tagsEnd); i >= 0 && seen < CANDIDATES_MAX; i = text.indexOf(CLIENT, i + 1)) {
    if (afterTags && text.charCodeAt(i - 1) !== 93) continue;
    seen++;
    const ip = addressAt(text, i + CLIENT.length);
    if (at < 0) {
      at = i;
      clientIp = ip;
      if (!afterTags && isOwnWords(text.slice(0, i))) break;
    } else if (ip !== undefined && ip !== clientIp) agreed = false;
  }
  if (at < 0) return NO_TAIL;
  const rest = text.slice(at);
  const requestAt = rest.indexOf(', request: "');
  const requestEnd = requestAt < 0 ? -1 : endOfRequest(rest, requestAt + 12);
  return {
    at,
    clientIp: agreed && seen < CANDIDATES_MAX ? clientIp : undefined,
    server: between(rest.slice(0, requestAt < 0 ? 512 : requestAt), ', server: ', ','),
    request: requestAt < 0 ? undefined : rest.slice(requestAt + 12, requestEnd),
    host: between(rest.slice(Math.max(requestEnd, 0)), ', host: "', '"'),
    login: requestAt < 0 ? loginOf(rest) : undefined,
  };
}

/** Messages that hold nothing of a client's. */
function isOwnWords(said: string): boolean {
  return !said.includes('"') || said.startsWith('limiting ') || said.startsWith('delaying ');
}

function addressAt(text: string, from: number): string | undefined {
  let end = from;
  while (end < from + 48 && end < text.length && text[end] !== ',' && text[end] !== ' ') end++;
  const ip = plainAddress(text.slice(from, end));
  return looksLikeAddress(ip) ? ip : undefined;
}

/** A request may hold quotes: it ends where the next field begins, else at the last quote. */
function endOfRequest(text: string, from: number): number {
  let end = -1;
  for (const next of ['", subrequest: "', '", upstream: "', '", host: "', '", referrer: "']) {
    const at = text.indexOf(next, from);
    if (at >= 0 && (end < 0 || at < end)) end = at;
  }
  if (end >= 0) return end;
  const quote = text.lastIndexOf('"');
  return quote < from ? text.length : quote;
}

/** `login: "anna@example.org"`, which stands last or before `, upstream: `. */
function loginOf(tail: string): string | undefined {
  const login = between(tail, ', login: "', '", upstream: ') ?? between(tail, ', login: "', '"');
  return login === undefined || login === '' || login.length > 254 ? undefined : login;
}

function between(text: string, before: string, after: string): string | undefined {
  const at = text.indexOf(before);
  if (at < 0) return undefined;
  const end = text.indexOf(after, at + before.length);
  if (end < 0) return after === ',' ? text.slice(at + before.length) : undefined;
  return text.slice(at + before.length, end);
}

/** `excess: 5.128`. */
function readExcess(said: string): number | undefined {
  const at = said.indexOf('excess: ');
  const m = at < 0 ? null : /^\d{1,9}(?:\.\d{1,9})?/.exec(said.slice(at + 8, at + 32));
  return m === null ? undefined : Number(m[0]);
}

/** Beginnings of messages that only the mail and stream proxies write. */
const MAIL_WORDS: readonly string[] = [
  ...[
    'client logged in',
    'client login failed',
    'client timed out',
    'client closed connection',
    'client was',
    'proxied session',
  ],
  ...[
    'auth http server',
    'upstream sent invalid response',
    'upstream sent too',
    'upstream disconnected',
    'client disconnected',
  ],
  ...['too many login', 'client sent invalid', 'client sent too', 'client sent command'],
];
const MAIL_PORTS = /:(?:25|110|143|465|587|993|995|2525|4190)$/;

function actionOf(said: string, tail: Tail): NginxErrorEvent['action'] {
  if (said.startsWith('limiting requests') || said.startsWith('delaying request')) return 'request-limited';
  if (said.startsWith('limiting connections')) return 'connection-limited';
  const toUpstream = said.includes('SSL handshaking to upstream');
  if (!toUpstream && (said.includes('SSL handshak') || said.includes('SSL_') || said.includes('(SSL:'))) return 'tls';
  if (isMailProxy(said, tail)) return 'mail-proxy';
  return said.includes('upstream') ? 'upstream' : 'notice';
}

function isMailProxy(said: string, tail: Tail): boolean {
  if (tail.request !== undefined) return false;
  if (tail.login !== undefined || (tail.server !== undefined && MAIL_PORTS.test(tail.server))) return true;
  if (said.startsWith('client ') && said.includes(' connected to ')) return true;
  if (said.startsWith('proxy ') && said.includes(' connected to ')) return true;
  const http = said.includes('request') || said.includes('keepalive');
  return !http && MAIL_WORDS.some((words) => said.startsWith(words));
}

/** `client 203.0.113.28:51389 connected to 0.0.0.0:993`: the one message of the proxies without a tail. */
function connectedClient(said: string): string | undefined {
  if (!said.startsWith('client ')) return undefined;
  const address = said.slice(7, Math.max(7, said.indexOf(' ', 7)));
  const colon = address.lastIndexOf(':');
  const bare = plainAddress(
    colon > 0 && (address.includes('.') || address.includes(']')) ? address.slice(0, colon) : address,
  );
  return looksLikeAddress(bare) ? bare : undefined;
}

/** The message, without what a client sent (a command may hold a password) and other secrets. */
function reasonOf(said: string): string {
  const quote = said.startsWith('client sent ') ? said.indexOf('"') : -1;
  return bounded(redactText(quote < 0 ? said : said.slice(0, quote).replace(/[:\s]{1,4}$/, '')), 1024);
}
