/**
 * A session as it is written down: two lines of JSON, lists by position with what is not known left out. The first line, its head, is what lines find it by and what is asked of all
 * sessions that a line may be of; it is read at once. The second, its body, is everything else, and is read when somebody wants to know it.
 */
import { type AuthTrouble, type HttpRequest, newFlow, newSession, reviveSession, type Session } from './session.ts';
import { keep, keepMaybe } from './texts.ts';

/** What is told at the beginning of a head. Whoever changes the order or the meaning of a field takes another number. */
const FORM = 2;

/** What finds a session, and tells it from others of the same address or user. */
export type SessionHead = Readonly<
  Pick<
    Session,
    | 'serial'
    | 'startedAt'
    | 'lastAt'
    | 'dueAt'
    | 'dovecotId'
    | 'sourceIp'
    | 'sourcePort'
    | 'clientIp'
    | 'user'
    | 'pid'
    | 'idSentAt'
    | 'loggedInAt'
    | 'endedAt'
    | 'goneAtLogin'
    | 'preLogin'
    | 'proxy'
    | 'flow'
    | 'drops'
  >
>;

/** How a session lies in the store, beside what it is. */
export interface Standing {
  readonly closed: boolean;
  readonly shared: boolean;
  /** It is the one that the address and port lead to that the server saw; and those that the proxy saw. */
  readonly found: boolean;
  readonly foundBefore: boolean;
}

export interface StoredSession extends Standing {
  readonly head: SessionHead;
  /** As `bodyOf` wrote it. */
  readonly body: string;
}

/** What is undefined, or as it is in most sessions, is null or missing. Seldom known last: what is missing at the end is not written. */
type Maybe<T> = T | null | undefined;

type HeadRow = readonly [
  form: number,
  standing: number,
  serial: number,
  startedAt: number,
  lastAt: number,
  dueAt: number | null,
  dovecotId: Maybe<string>,
  sourceIp: Maybe<string>,
  sourcePort: Maybe<number>,
  clientIp: Maybe<string>,
  user: Maybe<string>,
  pid: Maybe<number>,
  idSentAt: Maybe<number>,
  loggedInAt: Maybe<number>,
  endedAt: Maybe<number>,
  goneAtLogin: Maybe<boolean>,
  preLogin: Maybe<Session['preLogin']>,
  proxy: Maybe<Session['proxy']>,
  flow: Maybe<Session['flow']>,
  drops: Maybe<Session['drops']>,
];

type BodyRow = readonly [
  firstAt: number,
  startPrecisionMs: number,
  startBasis: string,
  lines: number[],
  lineKinds: string[],
  texts: string[],
  serverIp: Maybe<string>,
  host: Maybe<string>,
  protocol: Maybe<string>,
  mechanism: Maybe<string>,
  client: Maybe<string>,
  tls: Maybe<Session['tls']>,
  serverPort: Maybe<number>,
  tlsVersion: Maybe<string>,
  tlsCipher: Maybe<string>,
  tlsError: Maybe<string>,
  linesOmitted: Maybe<number>,
  tags: Maybe<string[]>,
  auth: Maybe<AuthTrouble>,
  greetingDelayed: Maybe<boolean>,
  lockSeconds: Maybe<number>,
  lockErrors: Maybe<number>,
  requests: Maybe<HttpRequest[]>,
  postLogin: Maybe<Session['postLogin']>,
  vpn: Maybe<Session['vpn']>,
  kind: Maybe<Session['kind']>,
];

export function writeStored({ head: s, body, closed, shared, found, foundBefore }: StoredSession): string {
  const head: HeadRow = [
    FORM,
    (closed ? 1 : 0) + (shared ? 2 : 0) + (found ? 4 : 0) + (foundBefore ? 8 : 0),
    s.serial,
    s.startedAt,
    s.lastAt,
    s.dueAt, // of Infinity JSON makes null
    s.dovecotId,
    s.sourceIp,
    s.sourcePort,
    s.clientIp,
    s.user,
    s.pid,
    s.idSentAt,
    s.loggedInAt,
    s.endedAt,
    s.goneAtLogin || null,
    s.preLogin,
    s.proxy,
    s.flow,
    s.drops,
  ];
  return `${rowText(head)}\n${body}`;
}

/** Undefined if it is in a form that this release does not know. */
export function readStored(text: string): StoredSession | undefined {
  if (text.startsWith('{"session":')) return readNamed(text);
  const end = text.indexOf('\n');
  if (end < 0 || !text.startsWith(`[${FORM},`)) return undefined;
  const row: HeadRow = JSON.parse(text.slice(0, end));
  const standing = row[1];
  return {
    head: headIn(row),
    body: text.slice(end + 1),
    closed: (standing & 1) !== 0,
    shared: (standing & 2) !== 0,
    found: (standing & 4) !== 0,
    foundBefore: (standing & 8) !== 0,
  };
}

/** An object with every name, as it was written before there were heads and bodies. */
function readNamed(text: string): StoredSession {
  const { session, ...standing }: Standing & { readonly session: Session } = JSON.parse(text);
  const head = reviveSession(session);
  return { head, body: bodyOf(head), ...standing };
}

function headIn(row: HeadRow): SessionHead {
  const [, , serial, startedAt, lastAt, dueAt, dovecotId, sourceIp, sourcePort, clientIp, user, pid, ...seldom] = row;
  const [idSentAt, loggedInAt, endedAt, goneAtLogin, preLogin, proxy, flow, drops] = seldom;
  return {
    serial,
    startedAt,
    lastAt,
    dueAt: dueAt ?? Number.POSITIVE_INFINITY,
    dovecotId: dovecotId ?? undefined,
    sourceIp: keepMaybe(sourceIp ?? undefined),
    sourcePort: sourcePort ?? undefined,
    clientIp: keepMaybe(clientIp ?? undefined),
    user: keepMaybe(user ?? undefined),
    pid: pid ?? undefined,
    idSentAt: idSentAt ?? undefined,
    loggedInAt: loggedInAt ?? undefined,
    endedAt: endedAt ?? undefined,
    goneAtLogin: goneAtLogin ?? false,
    preLogin: preLogin ?? undefined,
    proxy: proxy ?? undefined,
    flow: flow ? { ...newFlow(flow.startedAt, flow.endedAt), ...flow } : undefined,
    drops: drops ?? undefined,
  };
}

/** All of a session that is not in its head, without a line break. */
export function bodyOf(s: Session): string {
  const { passwordFailures, tokenFailures, unknownUser, timeouts } = s.auth;
  const body: BodyRow = [
    s.firstAt,
    s.startPrecisionMs,
    s.startBasis,
    s.lines,
    s.lineKinds,
    s.texts,
    s.serverIp,
    s.host,
    s.protocol,
    s.mechanism,
    s.client,
    s.tls,
    s.serverPort,
    s.tlsVersion,
    s.tlsCipher,
    s.tlsError,
    s.linesOmitted || null,
    s.tags.length > 0 ? s.tags : null,
    passwordFailures + tokenFailures + timeouts > 0 || unknownUser ? s.auth : null,
    s.greetingDelayed || null,
    s.lockSeconds || null,
    s.lockErrors || null,
    s.requests.length > 0 ? s.requests : null,
    s.postLogin,
    s.vpn,
    s.kind === 'connection' ? null : s.kind,
  ];
  return rowText(body);
}

/** The session that has this head and this body, as an object of its own. */
export function sessionOf(head: SessionHead, body: string): Session {
  const row: BodyRow = JSON.parse(body);
  const [firstAt, startPrecisionMs, startBasis, lines, lineKinds, texts, serverIp, host, protocol, ...seldom] = row;
  const [mechanism, client, tls, serverPort, tlsVersion, tlsCipher, tlsError, linesOmitted, tags, ...rare] = seldom;
  const [auth, greetingDelayed, lockSeconds, lockErrors, requests, postLogin, vpn, kind] = rare;
  const s = newSession(kind ?? 'connection', head.serial, head.startedAt, startPrecisionMs, keep(startBasis));
  s.lastAt = head.lastAt;
  s.dueAt = head.dueAt;
  s.dovecotId = head.dovecotId;
  s.sourceIp = head.sourceIp;
  s.sourcePort = head.sourcePort;
  s.clientIp = head.clientIp;
  s.user = head.user;
  s.pid = head.pid;
  s.idSentAt = head.idSentAt;
  s.loggedInAt = head.loggedInAt;
  s.endedAt = head.endedAt;
  s.goneAtLogin = head.goneAtLogin;
  s.preLogin = head.preLogin;
  s.proxy = head.proxy;
  s.flow = head.flow;
  s.drops = head.drops;
  s.firstAt = firstAt;
  if (lines.length > 0) s.lines = lines;
  if (lineKinds.length > 0) s.lineKinds = lineKinds.map(keep);
  if (texts.length > 0) s.texts = texts;
  s.serverIp = keepMaybe(serverIp ?? undefined);
  s.host = keepMaybe(host ?? undefined);
  s.protocol = keepMaybe(protocol ?? undefined);
  s.mechanism = keepMaybe(mechanism ?? undefined);
  s.client = keepMaybe(client ?? undefined);
  s.tls = tls ?? undefined;
  s.serverPort = serverPort ?? undefined;
  s.tlsVersion = keepMaybe(tlsVersion ?? undefined);
  s.tlsCipher = keepMaybe(tlsCipher ?? undefined);
  s.tlsError = keepMaybe(tlsError ?? undefined);
  if (linesOmitted) s.linesOmitted = linesOmitted;
  if (tags) s.tags = tags;
  if (auth) s.auth = auth;
  if (greetingDelayed) s.greetingDelayed = greetingDelayed;
  if (lockSeconds) s.lockSeconds = lockSeconds;
  if (lockErrors) s.lockErrors = lockErrors;
  if (requests) s.requests = requests;
  s.postLogin = postLogin ?? undefined;
  s.vpn = vpn ?? undefined;
  return s;
}

function rowText(row: readonly unknown[]): string {
  let known = row.length;
  while (known > 0 && (row[known - 1] ?? null) === null) known--;
  return JSON.stringify(known < row.length ? row.slice(0, known) : row);
}
