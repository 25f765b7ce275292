import type { ModsecurityEvent } from '../parse/modsecurity.ts';
import type { HttpAccessEvent, NginxErrorEvent } from '../parse/nginx.ts';
import { addLines, type HttpRequest } from './session.ts';
import { detach, keep, keepMaybe } from './texts.ts';

/**
 * Puts one HTTP request together from the up to three logs that tell it: the WAF's audit log (has the port, and the start), the error log
 * (has the transaction id) and the access log (has status and end, whole seconds). The stamps differ by the time the request took.
 */

const SAME_REQUEST_MS = 2500;
/** The access log is written when the answer is through; on a bad path that takes its time. */
const SLOW_ANSWER_MS = 60_000;

export type RequestEvent = ModsecurityEvent | HttpAccessEvent | NginxErrorEvent;

/** Whether an event that tells of a web request names its client. */
export function requestClient(e: RequestEvent): string | undefined {
  return e.clientIp;
}

/** The pending request that this event is another view of; `client` sent it, as far as the event tells. */
export function sameRequest(
  pending: readonly HttpRequest[],
  e: RequestEvent,
  client: string,
  at: number,
): HttpRequest | undefined {
  const transaction = 'transaction' in e ? e.transaction : undefined;
  if (transaction !== undefined) for (const r of pending) if (r.transaction === transaction) return r;
  let best: HttpRequest | undefined;
  for (const r of pending) {
    if (at < r.at - SAME_REQUEST_MS || at > r.endedAt + (isItsEnd(r, e) ? SLOW_ANSWER_MS : SAME_REQUEST_MS)) continue;
    if (r.seen.includes(e.dataset) && !(e.dataset === 'modsecurity.error' && transaction === undefined)) continue;
    if (transaction !== undefined && r.transaction !== undefined) continue;
    if (e.path !== undefined && r.path !== undefined && e.path !== r.path) continue;
    if (client !== r.seenIp && r.ip !== r.seenIp && client !== r.ip) continue;
    const status = 'status' in e ? e.status : undefined;
    if (status !== undefined && r.status !== undefined && status !== r.status) continue;
    if (!best || Math.abs(at - r.at) < Math.abs(at - best.at)) best = r;
  }
  return best;
}

/** Whether an access line fits a request that so far only the WAF told of: same status, same program. */
function isItsEnd(r: HttpRequest, e: RequestEvent): boolean {
  return (
    e.dataset === 'nginx.access' &&
    r.status !== undefined &&
    e.status === r.status &&
    e.path === r.path &&
    (r.userAgent === undefined || e.userAgent === r.userAgent)
  );
}

export function newRequest(serial: number, ip: string, at: number): HttpRequest {
  return {
    serial,
    at,
    endedAt: at,
    seenIp: ip,
    ip,
    port: undefined,
    serverIp: undefined,
    host: undefined,
    method: undefined,
    path: undefined,
    status: undefined,
    userAgent: undefined,
    user: undefined,
    blocked: false,
    limited: false,
    zone: undefined,
    transaction: undefined,
    score: undefined,
    rules: [],
    seen: [],
    lines: [],
    lineKinds: [],
    linesOmitted: 0,
    texts: [],
  };
}

const RULES_MAX = 32;
export const REQUEST_LINES_MAX = 16;
/** A client goes on to its next request within this. */
const NEXT_REQUEST_MS = 3000;

export function gatherRequest(r: HttpRequest, e: RequestEvent, at: number): void {
  r.at = Math.min(r.at, at);
  r.endedAt = Math.max(r.endedAt, at);
  if (!r.seen.includes(e.dataset)) r.seen.push(e.dataset);
  r.method ??= keepMaybe(e.method);
  r.path ??= keepMaybe(e.path);
  if (e.dataset === 'nginx.access') {
    r.status ??= e.status;
    r.userAgent ??= keepMaybe(e.userAgent);
    r.user ??= keepMaybe(e.user);
    return;
  }
  if (e.dataset === 'nginx.error') {
    if ((e.action === 'request-limited' || e.action === 'connection-limited') && !e.dryRun) {
      r.limited = true;
      r.zone = keepMaybe(e.zone);
    }
    return;
  }
  r.port ??= e.clientPort;
  r.serverIp ??= keepMaybe(e.serverIp);
  r.host ??= keepMaybe(e.hostname);
  r.status ??= e.status;
  r.userAgent ??= keepMaybe(e.userAgent);
  r.user ??= keepMaybe(e.user);
  if (e.transaction !== undefined) r.transaction ??= detach(e.transaction);
  r.score ??= e.score;
  if (e.action === 'blocked') r.blocked = true;
  for (const rule of e.rules) {
    if (
      r.rules.length >= RULES_MAX ||
      r.rules.some((known) => known.id === rule.id && known.variable === rule.variable)
    )
      continue;
    r.rules.push({
      id: keep(rule.id),
      message: keep(rule.message),
      variable: keepMaybe(rule.variable),
      blocking: rule.blocking,
      attack: isAttackRule(rule.id, rule.tags),
    });
  }
}

/**
 * Rules that look for attacks by content, as CRS numbers and tags them: 913 scanners, 921 to 944 injections and traversal.
 * Evaluation rules (949, 959, 980) only add up; 920 is protocol hygiene; site rules have other numbers.
 * Source: OWASP CRS, id ranges of the rules folder.
 */
function isAttackRule(id: string, tags: readonly string[]): boolean {
  if (/^9(13|2[1-9]|3\d|4[0-4])\d{3}$/.test(id)) return true;
  return tags.some((tag) => tag.startsWith('attack-') && tag !== 'attack-generic' && tag !== 'attack-protocol');
}

/** The rule that decided, or did most: for naming what to exclude. */
export function decidingRule(r: HttpRequest): HttpRequest['rules'][number] | undefined {
  const specific = r.rules.filter((rule) => !/^9(49|59|80)\d{3}$/.test(rule.id));
  return specific.find((rule) => rule.blocking) ?? specific.at(-1) ?? r.rules[0];
}

export const ruleKey = (id: string, path: string | undefined): string => `${id} ${path ?? ''}`;

/** Bearer-token SASL mechanisms: RFC 7628 OAUTHBEARER and its forerunner XOAUTH2. */
export const isTokenMechanism = (mechanism: string): boolean => mechanism === 'XOAUTH2' || mechanism === 'OAUTHBEARER';

/** Whether a path is a token endpoint (RFC 6749 names it so by custom); undefined if it says nothing about how the client will log in. */
export function isTokenPath(path: string | undefined): boolean | undefined {
  return path !== undefined && /oauth|token/i.test(path) ? true : undefined;
}

/** A line about a web connection on which no request was made. */
export function isNoRequest(e: RequestEvent): boolean {
  if (e.dataset === 'nginx.access')
    return e.method === undefined && e.path === undefined && (e.status === 400 || e.status === 408 || e.status === 499);
  return (
    e.dataset === 'nginx.error' &&
    e.path === undefined &&
    e.action !== 'request-limited' &&
    e.action !== 'connection-limited'
  );
}

export function givesUp(e: RequestEvent): boolean {
  return e.dataset === 'nginx.access'
    ? e.status !== 400
    : e.dataset === 'nginx.error' && /closed connection|timed out/.test(e.reason);
}

export const wasGranted = (r: HttpRequest): boolean =>
  r.status !== undefined && r.status < 400 && !r.blocked && !r.limited;

export function follows(next: HttpRequest, r: HttpRequest): boolean {
  return (
    next.ip === r.ip &&
    next.at >= r.at &&
    next.at - r.endedAt <= NEXT_REQUEST_MS &&
    next.path !== r.path &&
    (next.userAgent ?? r.userAgent) === (r.userAgent ?? next.userAgent)
  );
}

/** Makes `r` a part of the request that came after it. */
export function precede(next: HttpRequest, r: HttpRequest): void {
  const later = { lines: next.lines, lineKinds: next.lineKinds, linesOmitted: next.linesOmitted, texts: next.texts };
  next.at = Math.min(next.at, r.at);
  next.lines = r.lines;
  next.lineKinds = r.lineKinds;
  next.linesOmitted = r.linesOmitted;
  next.texts = r.texts;
  addLines(next, later, REQUEST_LINES_MAX);
  next.seen.push(...r.seen.filter((dataset) => !next.seen.includes(dataset)));
}
