import type { LoginAuth, LoginEnd, SessionEnd } from '../parse/dovecot.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import { withText, withThree } from './lists.ts';
import { detach, keep, keepMaybe } from './texts.ts';
import type { TimedEvent } from './timed-event.ts';

/**
 * Everything that the lines told about one attempt, as plain data: no class, no closure, so that it can be written down and read back.
 * Times are corrected UTC epoch ms. Filled in by `correlate/gather.ts`, read by `profile/` and `models/cause/`.
 */
export interface Session {
  /** `connection`: one TCP connection towards IMAP. `request`: requests to the portal or token service that led to no connection. */
  readonly kind: 'connection' | 'request';
  /** Creation number; breaks ties so that the order of output never depends on chunking. */
  readonly serial: number;
  dovecotId: string | undefined;
  /** Address and port that the server saw; inside a tunnel the assigned address. */
  sourceIp: string | undefined;
  sourcePort: number | undefined;
  /** Real address: behind a VPN lease, else the same as sourceIp. */
  clientIp: string | undefined;
  serverIp: string | undefined;
  serverPort: number | undefined;
  host: string | undefined;
  protocol: string | undefined;
  startedAt: number;
  startPrecisionMs: number;
  /** Dataset that told the start. */
  startBasis: string;
  firstAt: number;
  lastAt: number;
  /** When the server's side ended it; undefined while open. */
  endedAt: number | undefined;
  /** When it will be looked at next, to be closed: the one timer of it that counts. */
  dueAt: number;
  user: string | undefined;
  /** Its mail process, by which lines without a session id are found. */
  pid: number | undefined;
  mechanism: string | undefined;
  client: string | undefined;
  tls: 'none' | 'handshaking' | 'established' | 'secured' | undefined;
  tlsVersion: string | undefined;
  tlsCipher: string | undefined;
  tlsError: string | undefined;
  idSentAt: number | undefined;
  loggedInAt: number | undefined;
  /** The login line already says that the client's TLS connection was gone: nobody waited for the answer any more. */
  goneAtLogin: boolean;
  greetingDelayed: boolean;
  preLogin: PreLoginEnd | undefined;
  postLogin: PostLoginEnd | undefined;
  auth: AuthTrouble;
  lockSeconds: number;
  lockErrors: number;
  proxy: ProxyLeg | undefined;
  flow: FlowLegs | undefined;
  drops: Drops | undefined;
  requests: HttpRequest[];
  vpn: SessionTunnel | undefined;
  /** Its lines as (source, offset, corrected time) triples in event-time order, at most LINES_MAX. */
  lines: number[];
  lineKinds: string[];
  linesOmitted: number;
  /** The texts of its lines, in the same order, empty where nobody will quote them; none where they can be read again by position. */
  texts: string[];
  tags: string[];
}

/** The tunnel that a session took. */
export interface SessionTunnel {
  readonly name: string;
  readonly assignedIp: string;
  readonly realIp: string | undefined;
  /** When its keys were renegotiated while the session lasted. */
  readonly rekeyedAt: readonly number[];
}

export interface PreLoginEnd {
  readonly end: LoginEnd;
  readonly auth: LoginAuth | undefined;
  readonly attempts: number | undefined;
  readonly waitedSeconds: number | undefined;
  readonly reason: string;
}

export interface PostLoginEnd {
  readonly end: SessionEnd;
  readonly tlsError: string | undefined;
  readonly command: string | undefined;
  readonly commandState: 'running' | 'finished' | 'none' | undefined;
  readonly commandSeconds: number | undefined;
  readonly waitingFor: 'input' | 'output' | 'both' | 'nothing' | undefined;
  readonly waitingSeconds: number | undefined;
  readonly bufferedOut: number | undefined;
  readonly inactiveSeconds: number | undefined;
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  readonly reason: string;
}

export interface AuthTrouble {
  passwordFailures: number;
  tokenFailures: number;
  unknownUser: boolean;
  timeouts: number;
}

export interface ProxyLeg {
  readonly acceptedAt: number;
  readonly clientPort: number | undefined;
  readonly endedAt: number | undefined;
  readonly frontend: string | undefined;
  readonly connectMs: number | undefined;
  readonly totalMs: number | undefined;
  readonly termination: string | undefined;
  readonly bytes: number | undefined;
  readonly reason: string | undefined;
  readonly action: HaproxyEvent['action'];
}

/** Both directions of its flow records, added up. `up` is client to server. */
export interface FlowLegs {
  startedAt: number;
  endedAt: number;
  up: FlowLeg | undefined;
  down: FlowLeg | undefined;
}

export interface FlowLeg {
  startedAt: number;
  endedAt: number;
  packets: number;
  bytes: number;
  syn: boolean;
  fin: boolean;
  rst: boolean;
  push: boolean;
}

/** Packets that a packet filter logged as dropped. */
export interface Drops {
  count: number;
  firstAt: number;
  lastAt: number;
  limited: boolean;
  syn: boolean;
  prefix: string;
}

/** One HTTP request put together from audit log, access log and error log. */
export interface HttpRequest {
  readonly serial: number;
  at: number;
  endedAt: number;
  /** The address that the web server saw. */
  readonly seenIp: string;
  /** The client's: another one where a trusted proxy stands between. */
  ip: string;
  port: number | undefined;
  serverIp: string | undefined;
  host: string | undefined;
  method: string | undefined;
  path: string | undefined;
  status: number | undefined;
  userAgent: string | undefined;
  user: string | undefined;
  /** WAF denied it. */
  blocked: boolean;
  /** A request or connection limit refused it. */
  limited: boolean;
  zone: string | undefined;
  transaction: string | undefined;
  score: number | undefined;
  readonly rules: { id: string; message: string; variable: string | undefined; blocking: boolean; attack: boolean }[];
  readonly seen: string[]; // datasets
  lines: number[];
  lineKinds: string[];
  linesOmitted: number;
  texts: string[];
}

/** A login that takes longer than this was not set up at once. */
export const SLOW_SETUP_MS = 3500;

/** More lines than this are counted, not kept: an endless session must not grow. */
export const LINES_MAX = 64;
/** Lines that are quoted as proof: the last ones of one log's family. */
export const QUOTED_MAX = 3;

export function newSession(
  kind: Session['kind'],
  serial: number,
  at: number,
  precisionMs: number,
  basis: string,
): Session {
  return {
    kind,
    serial,
    dovecotId: undefined,
    sourceIp: undefined,
    sourcePort: undefined,
    clientIp: undefined,
    serverIp: undefined,
    serverPort: undefined,
    host: undefined,
    protocol: undefined,
    startedAt: at,
    startPrecisionMs: precisionMs,
    startBasis: basis,
    firstAt: at,
    lastAt: at,
    endedAt: undefined,
    dueAt: Number.POSITIVE_INFINITY,
    user: undefined,
    pid: undefined,
    mechanism: undefined,
    client: undefined,
    tls: undefined,
    tlsVersion: undefined,
    tlsCipher: undefined,
    tlsError: undefined,
    idSentAt: undefined,
    loggedInAt: undefined,
    goneAtLogin: false,
    greetingDelayed: false,
    preLogin: undefined,
    postLogin: undefined,
    auth: NO_AUTH_TROUBLE,
    lockSeconds: 0,
    lockErrors: 0,
    proxy: undefined,
    flow: undefined,
    drops: undefined,
    requests: NO_REQUESTS,
    vpn: undefined,
    lines: NO_LINES,
    lineKinds: NO_LINE_KINDS,
    linesOmitted: 0,
    texts: NO_TEXTS,
    tags: NO_TAGS,
  };
}

// Shared empties: a healthy session, one of millions, owns none of these. They are replaced, never written to.
const NO_AUTH_TROUBLE: AuthTrouble = Object.freeze({
  passwordFailures: 0,
  tokenFailures: 0,
  unknownUser: false,
  timeouts: 0,
});
const NO_REQUESTS: HttpRequest[] = [];
const NO_TAGS: string[] = [];
const NO_LINES: number[] = [];
const NO_LINE_KINDS: string[] = [];
const NO_TEXTS: string[] = [];
for (const empty of [NO_REQUESTS, NO_TAGS, NO_LINES, NO_LINE_KINDS, NO_TEXTS]) Object.freeze(empty);

export function newFlow(startedAt: number, endedAt: number): FlowLegs {
  return { startedAt, endedAt, up: undefined, down: undefined };
}

/** A session as it was written down with JSON: fields that were undefined are back, in their order, and empties are shared again. */
export function reviveSession(data: Session): Session {
  const s = newSession(data.kind, data.serial, data.startedAt, data.startPrecisionMs, data.startBasis);
  const { auth, requests, lines, lineKinds, texts, tags } = s;
  // Onto an object of the shape that all sessions have: a new one for each would be twice as large.
  Object.assign(s, data);
  s.dueAt = data.dueAt ?? Number.POSITIVE_INFINITY;
  s.flow = data.flow && { ...newFlow(data.flow.startedAt, data.flow.endedAt), ...data.flow };
  if (Object.values(data.auth).every((n) => n === 0 || n === false)) s.auth = auth;
  if (data.requests.length === 0) s.requests = requests;
  if (data.lines.length === 0) s.lines = lines;
  s.lineKinds = data.lineKinds.length > 0 ? data.lineKinds.map(keep) : lineKinds;
  if (data.texts.length === 0) s.texts = texts;
  if (data.tags.length === 0) s.tags = tags;
  s.sourceIp = keepMaybe(s.sourceIp);
  s.clientIp = keepMaybe(s.clientIp);
  s.serverIp = keepMaybe(s.serverIp);
  s.host = keepMaybe(s.host);
  s.protocol = keepMaybe(s.protocol);
  s.startBasis = keep(s.startBasis);
  s.user = keepMaybe(s.user);
  s.mechanism = keepMaybe(s.mechanism);
  s.client = keepMaybe(s.client);
  return s;
}

/** The same session as an object of its own, because the old one was given out. */
export function copySession(s: Session): Session {
  return reviveSession(structuredClone(s));
}

/** The address whose path the session took: what the server saw, unless a proxy stood between. */
export const pathAddress = (s: Session): string | undefined =>
  s.tags.includes('proxied') ? s.clientIp : (s.sourceIp ?? s.clientIp);

type Lines = Pick<Session, 'lines' | 'lineKinds' | 'linesOmitted' | 'texts'>;

/** `max`: more lines than this are counted, not kept. */
export function addLine(to: Lines, t: TimedEvent, kind: string, max = LINES_MAX): void {
  const { source, offset } = t.event.line;
  add(to, source, offset, t.at, kind, t.text, max);
}

/** Adds all lines of `from`. */
export function addLines(to: Lines, from: Lines, max = LINES_MAX): void {
  from.lineKinds.forEach((kind, i) => {
    const [source = 0, offset = 0, at = 0] = from.lines.slice(3 * i, 3 * i + 3);
    add(to, source, offset, at, kind, from.texts[i], max);
  });
  to.linesOmitted += from.linesOmitted;
}

function add(
  to: Lines,
  source: number,
  offset: number,
  at: number,
  kind: string,
  text: string | undefined,
  max: number,
): void {
  if (to.lineKinds.length >= max) {
    to.linesOmitted++;
    return;
  }
  to.lines = withThree(to.lines, source, offset, at);
  to.lineKinds = withText(to.lineKinds, kind);
  if (text === undefined) return;
  to.texts = withText(to.texts, detach(text));
  if (to.lineKinds.length > QUOTED_MAX) forgetUnquotable(to, familyOf(kind));
}

/** Nobody will quote a text that is not among the last of its family: it becomes empty. */
function forgetUnquotable(to: Lines, family: string): void {
  let count = 0;
  let first = -1;
  for (let i = 0; i < to.lineKinds.length; i++) {
    if (to.texts[i] === '' || !to.lineKinds[i]?.startsWith(family)) continue;
    count++;
    if (first < 0 || isBefore(to.lines, i, first)) first = i;
  }
  if (count > QUOTED_MAX) to.texts = to.texts.with(first, '');
}

/** The places of its lines in the order of profiles. They mostly come in it. */
export function inLineOrder({ lines, lineKinds }: Pick<Session, 'lines' | 'lineKinds'>): readonly number[] {
  const order: number[] = [];
  for (let i = 0; i < lineKinds.length; i++) {
    let place = i;
    for (; place > 0 && isBefore(lines, i, order[place - 1] ?? 0); place--) order[place] = order[place - 1] ?? 0;
    order[place] = i;
  }
  return order;
}

/** In the order of profiles: time, source, offset. */
function isBefore(lines: readonly number[], a: number, b: number): boolean {
  return earlier(lines, a, b, 2) ?? earlier(lines, a, b, 0) ?? earlier(lines, a, b, 1) ?? false;
}

/** By one of the three fields of a line; undefined if it is the same in both. */
function earlier(lines: readonly number[], a: number, b: number, field: 0 | 1 | 2): boolean | undefined {
  const first = lines[3 * a + field] ?? 0;
  const second = lines[3 * b + field] ?? 0;
  return first === second ? undefined : first < second;
}

/** `dovecot.` of `dovecot.login/logged-in` */
const familyOf = (kind: string): string => kind.slice(0, kind.indexOf('.') + 1);

export function tag(s: Session, t: string): void {
  if (!s.tags.includes(t)) s.tags = [...s.tags, t];
}
