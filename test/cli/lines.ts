/** Lines of Dovecot and HAProxy for the tests of the command, made of a few facts. */

export interface Attempt {
  /** UTC epoch ms of the connection; it is what the session id carries. */
  readonly at: number;
  readonly user?: string;
  readonly ip?: string;
  readonly port?: number;
  /** Seconds of silence in IDLE before the connection was closed. */
  readonly silence?: number;
  /** Minutes that the stamps of the log are ahead of UTC. */
  readonly zoneMinutes?: number;
}

/** A login and an end after silence in IDLE: two lines. */
export function idleSession(attempt: Attempt): string {
  const { at, user = 'anna@example.org', ip = '192.0.2.77', port = 40_000, silence = 600 } = attempt;
  const session = sessionId(at, port, ip);
  const end = at + silence * 1000;
  const shift = (attempt.zoneMinutes ?? 0) * 60_000;
  return (
    `${stamp(at + shift)} mx1 dovecot: imap-login: Login: user=<${user}>, method=PLAIN, rip=${ip}, lip=192.0.2.1, mpid=${port}, TLS, session=<${session}>\n` +
    `${stamp(end + shift)} mx1 dovecot: imap(${user})<${port}><${session}>: Disconnected: Connection closed (IDLE running for 0.001 + waiting input for ${silence}.002 secs, 2 B in + 10 B out, state=wait-input) in=120 out=900 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0\n`
  );
}

/** A login and a LOGOUT: two lines. */
export function healthySession(attempt: Attempt): string {
  const { at, user = 'anna@example.org', ip = '192.0.2.77', port = 40_000 } = attempt;
  const session = sessionId(at, port, ip);
  const shift = (attempt.zoneMinutes ?? 0) * 60_000;
  return (
    `${stamp(at + shift)} mx1 dovecot: imap-login: Login: user=<${user}>, method=PLAIN, rip=${ip}, lip=192.0.2.1, mpid=${port}, TLS, session=<${session}>\n` +
    `${stamp(at + shift + 2000)} mx1 dovecot: imap(${user})<${port}><${session}>: Disconnected: Logged out in=70 out=4221 deleted=0 expunged=0 trashed=0 hdr_count=16 hdr_bytes=2694 body_count=0 body_bytes=0\n`
  );
}

/** A refused login whose user is whatever the client sent. */
export function refusedLogin(attempt: Attempt): string {
  const { at, user = 'anna@example.org', ip = '192.0.2.77', port = 40_000 } = attempt;
  return `${stamp(at)} mx1 dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<${user}>, method=PLAIN, rip=${ip}, lip=192.0.2.1, TLS, session=<${sessionId(at - 2000, port, ip)}>\n`;
}

/** `Nov 24 03:24:10`, as RFC 3164 has it: no year, no zone. */
export function stamp(ms: number): string {
  const [, date = '', time = ''] = /^(.{10})T(.{8})/.exec(new Date(ms).toISOString()) ?? [];
  const [, month, day] = date.split('-');
  const name = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][Number(month) - 1];
  return `${name} ${String(Number(day)).padStart(2)} ${time}`;
}

/** What Dovecot makes of time, port and IPv4 address: client_get_session_id() in src/login-common/client-common.c. */
export function sessionId(ms: number, port: number, ip: string): string {
  const bytes = Buffer.alloc(12);
  const micros = BigInt(ms) * 1000n;
  for (let i = 0; i < 6; i++) bytes[i] = Number((micros >> BigInt(8 * i)) & 255n);
  bytes.writeUInt16LE(port, 6);
  bytes.set(ip.split('.').map(Number), 8);
  return bytes.toString('base64');
}
