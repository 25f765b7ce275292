import { looksLikeAddress, plainAddress } from '../ip.ts';
import { numberAfter, portAt } from './number-at.ts';
import type { PostfixEvent } from './postfix.ts';

/** What a line adds to an event; everything else is undefined. */
export interface Found {
  readonly action: PostfixEvent['action'];
  readonly reason: string;
  readonly client?: Client | undefined;
  readonly queueId?: string | undefined;
  readonly user?: string | undefined;
  readonly mechanism?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly messageId?: string | undefined;
  readonly relay?: string | undefined;
  readonly dsn?: string | undefined;
  readonly status?: string | undefined;
  readonly delaySeconds?: number | undefined;
  readonly tlsVersion?: string | undefined;
  readonly tlsCipher?: string | undefined;
}

/** What the message of a daemon says; a `notice` where that is not known. */
export function find(text: string, daemon: string): Found {
  const queueEnd = queueIdEnd(text);
  if (queueEnd > 0) return findQueued(text, queueEnd + 2, text.slice(0, queueEnd), daemon);
  if (text.startsWith('NOQUEUE: ')) return findQueued(text, 9, undefined, daemon);
  if (text.startsWith('connect from ')) return { action: 'connect', reason: '', client: clientAt(text, 13) };
  if (text.startsWith('disconnect from ')) {
    const client = clientAt(text, 16);
    return { action: 'disconnect', reason: text.slice(client?.end ?? 16).trimStart(), client };
  }
  if (text.startsWith('lost connection after ')) return left(text, 'lost-connection');
  if (text.startsWith('timeout after ')) return left(text, 'timeout');
  if (text.startsWith('too many errors after ')) return left(text, 'rejected');
  if (text.startsWith('statistics: ')) return { action: 'statistics', reason: text.slice(12), client: counted(text) };
  const tls = text.indexOf(' TLS connection established ');
  if (tls >= 0 && tls < 12) return established(text, tls);
  if (text.startsWith('SSL_accept error from ') || text.startsWith('SSL_connect error to '))
    return handshakeFailed(text);
  if (text.startsWith('warning: ')) return findWarning(text, 9);
  if (daemon.endsWith('postscreen')) return screened(text);
  if (text.startsWith('improper command pipelining ')) return pipelining(text, 0);
  if (text.startsWith('connect to ')) return { action: 'notice', reason: text, relay: relayName(text, 11) };
  if (text.startsWith('fatal: ') || text.startsWith('panic: ') || text.startsWith('error: '))
    return { action: 'notice', reason: text };
  return { action: 'notice', reason: text };
}

interface Client {
  readonly name: string | undefined;
  readonly ip: string | undefined;
  readonly port: number | undefined;
  /** Index behind the client in the text. */
  readonly end: number;
}

/** `name[ip]`, `name[ip]:port` (smtpd_client_port_logging) or `[ip]:port` (postscreen) at `at`. */
function clientAt(text: string, at: number): Client | undefined {
  const open = text.indexOf('[', at);
  if (open < 0) return undefined;
  const close = text.indexOf(']', open);
  if (close < 0) return undefined;
  const name = text.slice(at, open);
  if (name.includes(' ')) return undefined;
  const ip = plainAddress(text.slice(open + 1, close));
  let port: number | undefined;
  let end = close + 1;
  if (text.charCodeAt(end) === 58) {
    port = portAt(text, end + 1);
    if (port !== undefined) end += 1 + String(port).length;
  }
  return {
    name: name === '' || name === 'unknown' ? undefined : name,
    ip: looksLikeAddress(ip) ? ip : undefined,
    port,
    end,
  };
}

/** End of a queue id (short hexadecimal or long base-52) that `text` begins with and `: ` follows; 0 if it begins with none. */
function queueIdEnd(text: string): number {
  let digits = 0;
  let hexadecimal = true;
  for (let i = 0; i <= 24; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) digits++;
    else if ((c >= 65 && c <= 90) || (c >= 97 && c <= 122)) hexadecimal &&= c <= 70;
    else return i >= 5 && c === 58 && text.charCodeAt(i + 1) === 32 && (digits > 0 || hexadecimal) ? i : 0;
  }
  return 0;
}

/** `WORDS after CMD[ (N bytes)] from CLIENT`; the words are the reason. */
function left(text: string, action: PostfixEvent['action']): Found {
  const from = text.indexOf(' from ');
  return from < 0
    ? { action, reason: text }
    : { action, reason: text.slice(0, from), client: clientAt(text, from + 6) };
}

/** `statistics: max connection rate 5/60s for (smtp:192.0.2.1) at …`. The service name has no colon, an IPv6 address has. */
function counted(text: string): Client | undefined {
  const open = text.indexOf(' for (');
  const close = text.indexOf(') at ', open);
  if (open < 0 || close < 0) return undefined;
  const colon = text.indexOf(':', open);
  if (colon < 0 || colon > close) return undefined;
  const ip = plainAddress(text.slice(colon + 1, close));
  return { name: undefined, ip: looksLikeAddress(ip) ? ip : undefined, port: undefined, end: close };
}

/** `Anonymous TLS connection established from CLIENT: TLSv1.3 with cipher X (256/256 bits) …`; `to RELAY: …` from the SMTP client. */
function established(text: string, at: number): Found {
  const begin = at + 28;
  const colon = text.indexOf(': TLS', begin);
  const rest = colon < 0 ? text.length : colon + 2;
  const cipher = text.indexOf(' with cipher ', rest);
  const cipherEnd = cipher < 0 ? -1 : text.indexOf(' ', cipher + 13);
  const incoming = text.startsWith('from ', begin);
  return {
    action: 'tls-established',
    reason: text.slice(0, at + 27),
    client: incoming ? clientAt(text, begin + 5) : undefined,
    relay:
      incoming || !text.startsWith('to ', begin) ? undefined : text.slice(begin + 3, colon < 0 ? text.length : colon),
    tlsVersion: cipher < 0 ? undefined : text.slice(rest, cipher),
    tlsCipher: cipher < 0 ? undefined : text.slice(cipher + 13, cipherEnd < 0 ? text.length : cipherEnd),
  };
}

/** `SSL_accept error from CLIENT: WHY`, `SSL_connect error to RELAY: WHY`. */
function handshakeFailed(text: string): Found {
  const incoming = text.startsWith('SSL_accept');
  const at = incoming ? 22 : 21;
  const client = incoming ? clientAt(text, at) : undefined;
  const why = text.indexOf(': ', client?.end ?? at);
  const words = incoming ? 'SSL_accept error' : 'SSL_connect error';
  return {
    action: 'tls-failed',
    reason: why < 0 ? words : `${words}${text.slice(why)}`,
    client,
    relay: incoming ? undefined : text.slice(at, why < 0 ? text.length : why),
  };
}

function findWarning(text: string, at: number): Found {
  if (text.startsWith('TLS library problem: ', at)) return { action: 'tls-failed', reason: text.slice(at) };
  if (text.startsWith('SASL authentication ', at)) return { action: 'auth-failed', reason: text.slice(at) };
  if (text.startsWith('non-SMTP command from ', at)) return pipelining(text, at);
  if (text.startsWith('improper command pipelining ', at)) return pipelining(text, at);
  const limit = text.indexOf(' limit exceeded: ', at);
  if (limit >= 0 && limit < at + 60) {
    const from = text.indexOf(' from ', limit);
    const client = from < 0 ? undefined : clientAt(text, from + 6);
    return {
      action: 'rate-limited',
      reason: from < 0 ? text.slice(at) : text.slice(at, from) + text.slice(client?.end ?? text.length),
      client,
    };
  }
  if (text.startsWith('hostname ', at)) {
    const address = text.indexOf(' address ', at);
    const stop = address < 0 ? -1 : endOfWord(text, address + 9, ':');
    const ip = address < 0 ? '' : plainAddress(text.slice(address + 9, stop));
    const client = looksLikeAddress(ip) ? { name: undefined, ip, port: undefined, end: stop } : undefined;
    return { action: 'notice', reason: text.slice(at), client };
  }
  const client = clientAt(text, at);
  if (client !== undefined && text.startsWith(': SASL ', client.end)) return saslFailed(text, client);
  return { action: 'notice', reason: text.slice(at), client };
}

/** Index behind a word that ends at a space, the text's end, or `mark` followed by either. */
function endOfWord(text: string, at: number, mark: string): number {
  const space = text.indexOf(' ', at);
  const end = space < 0 ? text.length : space;
  return text.startsWith(mark, end - 1) ? end - 1 : end;
}

/**
 * `CLIENT: SASL MECH authentication failed: WHY[, sasl_username=U]`. WHY is Dovecot's or Cyrus' text, or a server challenge in base64; a
 * single word without a space could be anything a peer sent, so it is not kept.
 */
function saslFailed(text: string, client: Client): Found {
  const at = client.end + 2;
  const failed = text.indexOf(' authentication ', at);
  const name = text.indexOf(', sasl_username=', at);
  const user = name < 0 ? undefined : text.slice(name + 16);
  const reasonEnd = name < 0 ? text.length : name;
  const why = text.indexOf(': ', failed < 0 ? at : failed);
  const words = why < 0 || why > reasonEnd ? '' : text.slice(why + 2, reasonEnd).trimEnd();
  const isToken = words !== '' && !words.includes(' ');
  return {
    action: 'auth-failed',
    reason: isToken ? text.slice(at, why) : text.slice(at, reasonEnd),
    client,
    user: user === undefined || user === '' || user === '(unavailable)' ? undefined : user,
    mechanism: failed < 0 ? undefined : text.slice(at + 5, failed),
  };
}

/** What the peer sent instead of, or ahead of, a command may be a credential: it is cut. */
function pipelining(text: string, at: number): Found {
  const from = text.indexOf(' from ', at);
  const client = from < 0 ? undefined : clientAt(text, from + 6);
  return {
    action: 'notice',
    reason: from < 0 ? text.slice(at, text.indexOf(' ', at + 26)) : text.slice(at, from),
    client,
  };
}

/** `CONNECT from [ip]:port to [ip]:port`, `PASS NEW [ip]:port`, `HANGUP after 0.1 from [ip]:port in tests …`, `DISCONNECT [ip]:port`. */
function screened(text: string): Found {
  const open = text.indexOf('[');
  const client = open < 0 ? undefined : clientAt(text, open);
  const space = text.indexOf(' ');
  const word = space < 0 ? text : text.slice(0, space);
  const words = open < 0 ? text : text.slice(0, open).trimEnd();
  const reason = words.endsWith(' from') ? words.slice(0, -5) : words;
  switch (word) {
    case 'CONNECT':
      return { action: 'connect', reason: '', client };
    case 'DISCONNECT':
      return { action: 'disconnect', reason: '', client };
    case 'HANGUP':
      return { action: 'lost-connection', reason, client };
    case 'COMMAND':
      return { action: reason.startsWith('COMMAND TIME LIMIT') ? 'timeout' : 'notice', reason, client };
    default:
      return { action: 'notice', reason, client };
  }
}

/** Behind `QID: ` or `NOQUEUE: `. */
function findQueued(text: string, at: number, queueId: string | undefined, daemon: string): Found {
  if (text.startsWith('client=', at)) return accepted(text, at, queueId);
  if (text.startsWith('from=<', at)) return queued(text, at, queueId, daemon);
  if (text.startsWith('uid=', at)) {
    const from = text.indexOf(' from=<', at);
    return {
      action: 'accepted',
      reason: text.slice(at),
      queueId,
      from: from < 0 ? undefined : angle(text, from + 7, text.length - 1),
    };
  }
  if (text.startsWith('to=<', at)) return delivered(text, at, queueId);
  if (text.startsWith('message-id=', at) || text.startsWith('resent-message-id=', at)) {
    const id = text.slice(text.indexOf('=', at) + 1);
    const bare = id.startsWith('<') && id.endsWith('>') ? id.slice(1, -1) : id;
    return { action: 'message-id', reason: '', queueId, messageId: bare === '' ? undefined : bare };
  }
  if (text.startsWith('removed', at) && text.length === at + 7) return { action: 'removed', reason: '', queueId };
  const colon = text.indexOf(': ', at);
  const verb = colon < 0 || colon > at + 24 ? '' : text.slice(at, colon);
  if (REJECTS.has(verb)) return rejected(text, at, colon + 2, queueId);
  if (
    text.startsWith('lost connection with ', at) ||
    text.startsWith('conversation with ', at) ||
    text.startsWith('host ', at)
  ) {
    return {
      action: 'notice',
      reason: text.slice(at),
      queueId,
      relay: relayName(text, text.indexOf(' ', at + (verb === '' ? 5 : 0)) + 1),
    };
  }
  return { action: 'notice', reason: text.slice(at), queueId };
}

const REJECTS = new Set(['reject', 'milter-reject', 'proxy-reject', 'discard', 'milter-discard']);

/** The host that begins at `at`, up to a space or a colon and a space. */
function relayName(text: string, at: number): string | undefined {
  return text.slice(at, endOfWord(text, at, ':')) || undefined;
}

/** What stands between `<` (already behind us) and the `>` at `close`. Empty addresses are undefined. */
function angle(text: string, from: number, close: number): string | undefined {
  return close > from ? text.slice(from, close) : undefined;
}

/** `client=CLIENT[, sasl_method=M, sasl_username=U][, sasl_sender=S][, orig_…]`. */
function accepted(text: string, at: number, queueId: string | undefined): Found {
  const client = clientAt(text, at + 7);
  const method = text.indexOf(', sasl_method=', at);
  const name = text.indexOf(', sasl_username=', at);
  let nameEnd = text.length;
  for (const next of [', sasl_sender=', ', orig_queue_id=', ', orig_client=']) {
    const i = name < 0 ? -1 : text.indexOf(next, name + 16);
    if (i >= 0 && i < nameEnd) nameEnd = i;
  }
  return {
    action: 'accepted',
    reason: '',
    client,
    queueId,
    user: name < 0 ? undefined : text.slice(name + 16, nameEnd) || undefined,
    mechanism: method < 0 ? undefined : text.slice(method + 14, name > method ? name : text.length),
  };
}

/** qmgr: `from=<F>, size=N, nrcpt=N (queue active)` or `from=<F>, status=expired, returned to sender`. */
function queued(text: string, at: number, queueId: string | undefined, daemon: string): Found {
  const size = text.lastIndexOf('>, size=');
  const status = size < 0 ? text.lastIndexOf('>, status=') : -1;
  const close = size >= 0 ? size : status >= 0 ? status : text.indexOf('>', at + 6);
  const from = angle(text, at + 6, close);
  const reason = close < 0 ? '' : text.slice(close + 3);
  if (status < 0) return { action: daemon.endsWith('qmgr') || size >= 0 ? 'queued' : 'notice', reason, queueId, from };
  return {
    action: 'delivered',
    reason,
    queueId,
    from,
    status: text.slice(status + 10, endOfWord(text, status + 10, ',')),
  };
}

/** `to=<T>, [orig_to=<O>, ]relay=R, [conn_use=N, ]delay=D, delays=…, dsn=X, status=S (TEXT)`. The text is the other server's. */
function delivered(text: string, at: number, queueId: string | undefined): Found {
  const relay = text.indexOf('>, relay=', at);
  const original = text.indexOf('>, orig_to=<', at);
  const close =
    original >= 0 && (relay < 0 || original < relay) ? original : relay >= 0 ? relay : text.indexOf('>', at);
  const relayEnd = relay < 0 ? -1 : text.indexOf(', ', relay + 9);
  const from = relay < 0 ? close : relay;
  const status = from < 0 ? -1 : text.indexOf(', status=', from);
  const statusEnd = status < 0 ? -1 : endOfWord(text, status + 9, ',');
  const dsn = from < 0 ? -1 : text.indexOf(', dsn=', from);
  const open = statusEnd < 0 ? -1 : text.indexOf('(', statusEnd);
  return {
    action: 'delivered',
    reason: open < 0 ? '' : text.slice(open + 1, text.endsWith(')') ? -1 : text.length),
    queueId,
    to: close < 0 ? undefined : angle(text, at + 4, close),
    relay: relay < 0 ? undefined : text.slice(relay + 9, relayEnd < 0 ? text.length : relayEnd),
    dsn: dsn < 0 ? undefined : text.slice(dsn + 6, endOfWord(text, dsn + 6, ',')),
    status: status < 0 ? undefined : text.slice(status + 9, statusEnd),
    delaySeconds: from < 0 ? undefined : numberAfter(text, ', delay=', from, text.length),
  };
}

/** `CMD from CLIENT: CODE DSN TEXT; from=<F> to=<T> proto=P helo=<H>`. */
function rejected(text: string, at: number, begin: number, queueId: string | undefined): Found {
  const from = text.indexOf(' from ', begin);
  const client = from < 0 ? undefined : clientAt(text, from + 6);
  const words = client === undefined ? -1 : text.indexOf(': ', client.end);
  const tail = text.indexOf('; from=<', words < 0 ? at : words);
  // smtpd joins these with spaces, postscreen with `, `.
  const comma = tail >= 0 && text.includes('>, proto=', tail) && !text.includes('> proto=', tail);
  const joint = comma ? '>, ' : '> ';
  const to = tail < 0 ? -1 : text.indexOf(`${joint}to=<`, tail);
  const proto = tail < 0 ? -1 : text.indexOf(`${joint}proto=`, to < 0 ? tail : to);
  const sasl = text.indexOf(' sasl_username=<', proto < 0 ? begin : proto);
  const reasonEnd = tail < 0 ? text.length : tail;
  return {
    action: 'rejected',
    reason: words < 0 ? text.slice(at, reasonEnd) : text.slice(words + 2, reasonEnd),
    client,
    queueId,
    user: proto < 0 || sasl < 0 ? undefined : angle(text, sasl + 16, text.indexOf('>', sasl)),
    from: tail < 0 ? undefined : angle(text, tail + 8, to < 0 ? proto : to),
    to: to < 0 ? undefined : angle(text, to + joint.length + 4, proto < 0 ? text.indexOf('>', to) : proto),
    dsn: words < 0 ? undefined : dsnAt(text, words + 2),
  };
}

/** `554 5.7.1 …` or `5.7.1 …`: the enhanced status code. */
function dsnAt(text: string, at: number): string | undefined {
  const m = /^(?:\d{3} )?(\d\.\d{1,3}\.\d{1,3}) /.exec(text.slice(at, at + 16));
  return m?.[1];
}
