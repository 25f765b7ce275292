import type { EventBase, Line } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import { ecsUser } from './ecs-user.ts';
import { looksLikeErrorLog } from './error-log-head.ts';
import { forwardedFor, headerText, quoteEnd, readRequestLine, unescapeField } from './http-request.ts';
import { clfStamp } from './log-time.ts';
import type { ModsecurityEvent } from './modsecurity.ts';
import { ecsOfModsecurity } from './modsecurity.ts';
import { parseErrorLine } from './nginx-error.ts';
import { type EcsFields, failed, type ParseOutcome, type Parser, parsed, type RecordContext } from './parser.ts';

/** Combined/common access log line (nginx or Apache). */
export interface HttpAccessEvent extends EventBase {
  readonly dataset: 'nginx.access';
  readonly action: 'request';
  readonly clientIp: string;
  readonly user: string | undefined; // remote_user
  readonly method: string | undefined;
  readonly path: string | undefined; // without query
  readonly query: string | undefined;
  readonly status: number; // 0: none was sent (`-`, `000`)
  readonly bytes: number | undefined;
  readonly userAgent: string | undefined;
  readonly forwardedFor: string | undefined; // X-Forwarded-For, where the format has it next (nginx's own example `main`)
}

/** nginx or Apache error log line that is not a ModSecurity sentence (those become `modsecurity.error`). */
export interface NginxErrorEvent extends EventBase {
  readonly dataset: 'nginx.error';
  readonly action: 'request-limited' | 'connection-limited' | 'mail-proxy' | 'upstream' | 'tls' | 'notice';
  readonly level: string;
  readonly clientIp: string | undefined;
  readonly zone: string | undefined; // limit_req zone
  readonly excess: number | undefined;
  readonly dryRun: boolean;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly user?: string | undefined; // login of a mail proxy line
  readonly reason: string;
}

export type NginxEvent = HttpAccessEvent | NginxErrorEvent;

/**
 * Access log lines in common or combined format: `IP - user [time +zone] "REQUEST" STATUS BYTES "REFERER" "USER AGENT"`.
 * In: the message, with or without an envelope; more fields may follow. Time: the line's own, with its zone.
 * A request that is no HTTP (a TLS hello, a scanner's bytes) is an event without method and path. Variants: docs/formats/nginx-access.md.
 */
export const nginxAccess: Parser<HttpAccessEvent> = {
  format: 'nginx-access',
  programs: [],
  accepts: (line) => line.program !== 'haproxy' && timeAt(line.message) > 0,
  parse: parseAccess,
  ecs: ecsOfAccess,
};

/**
 * Error log lines of nginx (also of its mail and stream proxies) and Apache; ModSecurity's and Coraza's sentences in them become
 * `modsecurity.error`. Time: local, without a zone. Variants: docs/formats/nginx-error.md.
 */
export const nginxError: Parser<NginxErrorEvent | ModsecurityEvent> = {
  format: 'nginx-error',
  programs: [],
  accepts: looksLikeErrorLog,
  parse: parseErrorLine,
  ecs: (event) => (event.dataset === 'nginx.error' ? ecsOfError(event) : ecsOfModsecurity(event)),
};

const STAMP_LENGTH = '24/Nov/2026:03:24:10 +0000'.length;

/** Where `24/Nov/2026:03:24:10 +0000` begins that `[` precedes and `] "` follows; -1 if nowhere. User names cannot hold a bare quote. */
function timeAt(text: string): number {
  for (let end = text.indexOf('] "'); end >= 0; end = text.indexOf('] "', end + 3)) {
    const at = end - STAMP_LENGTH;
    if (at > 1 && text.charCodeAt(at - 1) === 91 && text[at + 2] === '/' && text[at + 20] === ' ') return at;
  }
  return -1;
}

function parseAccess(line: Line, context: RecordContext): ParseOutcome<HttpAccessEvent> {
  const text = line.message;
  const at = timeAt(text);
  if (at < 0) return failed('unknown_message', 'time');
  const stamp = clfStamp(text.slice(at, at + STAMP_LENGTH), context.zone);
  if (stamp === undefined) return failed('bad_time', 'time');
  const who = readWho(text.slice(0, at - 2));
  if (who === undefined) return failed('bad_address', 'client');
  const requestAt = at + STAMP_LENGTH + 3;
  const requestEnd = quoteEnd(text, requestAt);
  if (requestEnd < 0) return failed('truncated', 'request');
  const statusEnd = fieldEnd(text, requestEnd + 2);
  const bytesEnd = fieldEnd(text, statusEnd + 1);
  if (isHaproxy(text, bytesEnd)) return failed('unknown_format', 'referer');
  const status = readStatus(text.slice(requestEnd + 2, statusEnd));
  if (status === undefined) return failed('bad_number', 'status');
  const request = readRequestLine(unescapeField(text.slice(requestAt, requestEnd)));
  return parsed({
    line,
    stamp,
    dataset: 'nginx.access',
    action: 'request',
    clientIp: who.clientIp,
    user: who.user,
    method: request.method,
    path: request.path,
    query: request.query,
    status,
    bytes: readCount(text.slice(statusEnd + 1, bytesEnd)),
    ...readHeaders(text, bytesEnd),
  });
}

/** `IP - user`; a virtual host (`host:443 IP - user`) may stand before it. The name may hold spaces. */
function readWho(head: string): { readonly clientIp: string; readonly user: string | undefined } | undefined {
  let end = fieldEnd(head, 0);
  let clientIp = plainAddress(head.slice(0, end));
  if (!looksLikeAddress(clientIp)) {
    const from = end + 1;
    end = fieldEnd(head, from);
    clientIp = plainAddress(head.slice(from, end));
    if (!looksLikeAddress(clientIp)) return undefined;
  }
  const identEnd = fieldEnd(head, end + 1);
  const user = unescapeField(head.slice(identEnd + 1).trim());
  return { clientIp, user: user === '' || user === '-' || user === '""' ? undefined : user };
}

function fieldEnd(text: string, from: number): number {
  const space = text.indexOf(' ', from);
  return space < 0 ? text.length : space;
}

/** `-` is what Apache writes, `000` what nginx writes, if nothing was sent. */
function readStatus(text: string): number | undefined {
  if (text === '-') return 0;
  return /^\d{3}$/.test(text) ? Number(text) : undefined;
}

function readCount(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** HAProxy's `option httplog clf` goes on with two empty strings and the client's port: it is the other parser's. */
function isHaproxy(text: string, at: number): boolean {
  if (!text.startsWith(' "" "" ', at)) return false;
  const c = text.charCodeAt(at + 7);
  return c >= 48 && c <= 57;
}

type Headers = Pick<HttpAccessEvent, 'userAgent' | 'forwardedFor'>;

/** `"REFERER" "USER AGENT"`, and `"X-FORWARDED-FOR"` where the format has it next. */
function readHeaders(text: string, bytesEnd: number): Headers {
  if (!text.startsWith(' "', bytesEnd)) return NO_HEADERS;
  const refererEnd = quoteEnd(text, bytesEnd + 2);
  if (refererEnd < 0 || !text.startsWith(' "', refererEnd + 1)) return NO_HEADERS;
  const end = quoteEnd(text, refererEnd + 3);
  const userAgent = headerText(unescapeField(text.slice(refererEnd + 3, end < 0 ? undefined : end)));
  if (end < 0 || !text.startsWith(' "', end + 1)) return { userAgent, forwardedFor: undefined };
  const forwardedEnd = quoteEnd(text, end + 3);
  return { userAgent, forwardedFor: forwardedEnd < 0 ? undefined : forwardedFor(text.slice(end + 3, forwardedEnd)) };
}

const NO_HEADERS: Headers = { userAgent: undefined, forwardedFor: undefined };

function ecsOfAccess(event: HttpAccessEvent): EcsFields {
  return {
    event: {
      category: ['web'],
      type: ['access'],
      action: event.action,
      outcome: event.status === 0 ? 'unknown' : event.status < 400 ? 'success' : 'failure',
    },
    source: { ip: event.clientIp },
    url: event.path === undefined ? undefined : { path: event.path, query: event.query },
    http: {
      request: event.method === undefined ? undefined : { method: event.method },
      response: {
        status_code: event.status === 0 ? undefined : event.status,
        body: event.bytes === undefined ? undefined : { bytes: event.bytes },
      },
    },
    user: ecsUser(event.user),
    user_agent: event.userAgent === undefined ? undefined : { original: event.userAgent },
  };
}

function ecsOfError(event: NginxErrorEvent): EcsFields {
  const limited = event.action === 'request-limited' || event.action === 'connection-limited';
  const outcome = outcomeOf(event, limited);
  return {
    event: {
      category: event.action === 'mail-proxy' || event.action === 'tls' ? ['network'] : ['web'],
      type: typesOf(event, limited, outcome),
      action: event.action,
      outcome,
      reason: event.reason,
    },
    log: { level: event.level },
    source: event.clientIp === undefined ? undefined : { ip: event.clientIp },
    url: event.path === undefined ? undefined : { path: event.path },
    http: event.method === undefined ? undefined : { request: { method: event.method } },
    user: ecsUser(event.user),
    nginx: limited ? { error: { zone: event.zone, excess: event.excess, dry_run: event.dryRun } } : undefined,
  };
}

type Outcome = 'success' | 'failure' | 'unknown';

const ERROR_LEVELS: readonly string[] = ['error', 'crit', 'alert', 'emerg'];

/** A request that was only delayed, or only would have been limited, did not fail by it. */
function outcomeOf(event: NginxErrorEvent, limited: boolean): Outcome {
  if (limited) return event.dryRun || event.reason.startsWith('delaying ') ? 'unknown' : 'failure';
  if (event.reason === 'client logged in') return 'success';
  if (ERROR_LEVELS.includes(event.level)) return 'failure';
  return event.reason.includes('timed out') || event.reason.includes('failed') ? 'failure' : 'unknown';
}

function typesOf(event: NginxErrorEvent, limited: boolean, outcome: Outcome): readonly string[] {
  if (limited) return outcome === 'failure' ? ['access', 'denied'] : ['info'];
  return ERROR_LEVELS.includes(event.level) ? ['error'] : ['info'];
}
