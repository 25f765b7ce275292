import type { Line } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import { forwardedFor, headerText, hostName, readRequestLine } from './http-request.ts';
import { clfStamp } from './log-time.ts';
import { userOfAuthorization, userOfBody, userOfForm } from './login-name.ts';
import type { ModsecurityEvent, WafRule } from './modsecurity.ts';
import { readSentence, type Sentence } from './modsecurity-sentence.ts';
import { failed, type ParseOutcome, parsed, type RecordContext } from './parser.ts';

/**
 * One transaction of a native audit log: parts A to Z between boundary lines, `--ID-A--` in v2 and Coraza, `---ID---A--` in v3.
 * Framing has joined the parts of one id, because writers interleave; here only boundaries of the first line's id count, so that a
 * request body cannot forge a part.
 */
export function parseSerial(line: Line, context: RecordContext): ParseOutcome<ModsecurityEvent> {
  const parts = readParts(line.message);
  if (parts === undefined) return failed('unknown_message', 'boundary');
  const a = readPartA(parts.get('A') ?? '');
  if (a === undefined) return failed('missing_field', 'A');
  const stamp = clfStamp(a.stamp, context.zone);
  if (stamp === undefined) return failed('bad_time', 'A');
  const head = readHead(parts.get('B') ?? '');
  const verdict = readVerdict(parts.get('H') ?? '');
  return parsed({
    line,
    stamp,
    dataset: 'modsecurity.audit',
    action: verdict.blocked ? 'blocked' : 'detected',
    transaction: a.transaction,
    clientIp: a.clientIp,
    clientPort: a.clientPort,
    serverIp: a.serverIp,
    serverPort: a.serverPort,
    method: head.method,
    path: head.path,
    query: head.query,
    status: readStatus(parts.get('F') ?? '') ?? verdict.status,
    hostname: hostName(head.headers.get('host')) ?? verdict.hostname,
    userAgent: headerText(head.headers.get('user-agent')),
    forwardedFor: forwardedFor(head.headers.get('x-forwarded-for')),
    user: userOfTransaction(parts.get('C') ?? parts.get('I') ?? '', head),
    rules: verdict.rules,
    score: verdict.score,
  });
}

/** Whether a text begins like a boundary line of this format. */
export function isSerial(text: string): boolean {
  return text.startsWith('--') && boundaryOf(text) !== undefined;
}

/** The boundary up to its part letter, with the line feed before it: `\n---MiEq9p7y---`. Undefined if the first line is none. */
function boundaryOf(text: string): string | undefined {
  const m = /^(--(?:-[0-9A-Za-z]{1,64}--|[0-9A-Za-z]{1,64})-)[A-Z]--\r?(?:\n|$)/.exec(text.slice(0, 96));
  return m === null ? undefined : `\n${m[1]}`;
}

/** Part letter to its text, without the boundary line. If a part comes twice (it should not), the first counts. */
export function readParts(text: string): ReadonlyMap<string, string> | undefined {
  const boundary = boundaryOf(text);
  if (boundary === undefined) return undefined;
  const parts = new Map<string, string>();
  let letter = text[boundary.length - 1] ?? '';
  let from = boundary.length + 2;
  for (let at = text.indexOf(boundary, from); ; at = text.indexOf(boundary, at + 1)) {
    if (at >= 0 && !text.startsWith('--', at + boundary.length + 1)) continue;
    if (!parts.has(letter)) parts.set(letter, text.slice(from, at < 0 ? undefined : at));
    if (at < 0) return parts;
    letter = text[at + boundary.length] ?? '';
    from = at + boundary.length + 3;
  }
}

interface PartA {
  readonly stamp: string;
  readonly transaction: string | undefined;
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly serverIp: string | undefined;
  readonly serverPort: number | undefined;
}

/** `[24/Nov/2026:03:24:12 +0000] UNIQUEID CLIENT CPORT SERVER SPORT`. */
function readPartA(part: string): PartA | undefined {
  const text = part.trim();
  const close = text.indexOf('] ');
  if (text.charCodeAt(0) !== 91 || close < 0) return undefined;
  const fields = text.slice(close + 2, close + 512).split(' ');
  return {
    stamp: text.slice(1, close),
    transaction: fields[0] === '' ? undefined : fields[0],
    clientIp: addressOf(fields[1]),
    clientPort: portOf(fields[2]),
    serverIp: addressOf(fields[3]),
    serverPort: portOf(fields[4]),
  };
}

/** An IP address, plain; names and `-` are undefined. */
export function addressOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const plain = plainAddress(text);
  return looksLikeAddress(plain) ? plain : undefined;
}

/** A TCP port from 1 to 65535, else undefined. */
export function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}\s*$/.test(text)) return undefined;
  const port = Number(text);
  return port > 0 && port < 65_536 ? port : undefined;
}

interface Head {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly query: string | undefined;
  /** Not redacted: only to look for a user's name. */
  readonly rawQuery: string;
  /** Names in lower case; of a header that is repeated the first. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Part B: the request line and the headers. */
function readHead(part: string): Head {
  const lines = part.split('\n', 512);
  const requestAt = lines.findIndex((text) => text.trim() !== '');
  const first = (lines[requestAt] ?? '').trimEnd();
  const headers = new Map<string, string>();
  for (const text of lines.slice(requestAt + 1)) {
    const colon = text.indexOf(':');
    if (colon < 1) continue;
    const name = text.slice(0, colon).toLowerCase();
    if (!headers.has(name)) headers.set(name, text.slice(colon + 1).trim());
  }
  const request = readRequestLine(first);
  return { ...request, rawQuery: rawQueryOf(first), headers };
}

function rawQueryOf(requestLine: string): string {
  const question = requestLine.indexOf('?');
  if (question < 0) return '';
  const version = requestLine.lastIndexOf(' HTTP/');
  return requestLine.slice(question + 1, version > question ? version : undefined);
}

function userOfTransaction(body: string, head: Head): string | undefined {
  return (
    userOfBody(body, head.headers.get('content-type')) ??
    userOfAuthorization(head.headers.get('authorization')) ??
    userOfForm(head.rawQuery)
  );
}

/** Part F: `HTTP/1.1 403 Forbidden` (v2) or `HTTP/1.1 403` (v3). */
function readStatus(part: string): number | undefined {
  const m = /^\s{0,8}HTTP\/[\d.]{1,8} (\d{3})(?:\s|$)/.exec(part.slice(0, 64));
  return m === null ? undefined : Number(m[1]);
}

export interface Verdict {
  readonly blocked: boolean;
  readonly status: number | undefined;
  readonly rules: readonly WafRule[];
  readonly score: number | undefined;
  readonly hostname: string | undefined;
}

/** A transaction keeps its first rules and every one that blocked. */
const RULES_MAX = 200;

/** Part H: `Message: …` and `Action: Intercepted (phase 2)` of v2 and Coraza, `ModSecurity: …` of v3. */
function readVerdict(part: string): Verdict {
  const sentences: Sentence[] = [];
  let intercepted = false;
  for (const text of part.split('\n')) {
    if (text.startsWith('Message: ')) sentences.push(readSentence(text.slice(9).trimEnd()));
    else if (text.startsWith('ModSecurity: ')) sentences.push(readSentence(text.slice(13).trimEnd()));
    else if (text.startsWith('Action: Intercepted')) intercepted = true;
  }
  return verdictOf(sentences, intercepted);
}

/** What the sentences of one transaction say together. */
export function verdictOf(sentences: readonly Sentence[], intercepted: boolean): Verdict {
  const rules: WafRule[] = [];
  let blocked = intercepted;
  let status: number | undefined;
  let score: number | undefined;
  let hostname: string | undefined;
  for (const sentence of sentences) {
    if (sentence.rule !== undefined && (rules.length < RULES_MAX || sentence.blocking)) rules.push(sentence.rule);
    blocked ||= sentence.blocking;
    status ??= sentence.status;
    if (sentence.score !== undefined) score = Math.max(score ?? 0, sentence.score);
    hostname ??= hostName(sentence.hostname);
  }
  return { blocked, status, rules, score, hostname };
}
