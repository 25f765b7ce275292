const SESSION = ': session=<';
const USER = ': user=<';
/** A session id is the base64 of 12 bytes or more; a proxy may hand on another one, of such characters. */
const ID = /^[\w+/.:-]{8,64}>(?:, |$)/;
/** The elements that stand between user and session by default. */
const NAMES = ['method=', 'rip=', 'rport=', 'lip=', 'lport=', 'mpid=', 'TLSv', 'TLS', 'TSL', 'secured'] as const;

/**
 * A login line of a site whose `login_log_format_elements` begin with the session, `MESSAGE: session=<…>, rip=…, user=<…>, …`, with its elements in
 * the usual order; undefined for any other line. Read from the left, and the first of a name counts: what a stranger puts into a user
 * changes nothing that stands before it. What a client says of itself (`fromClient`) stands before the elements, so there the last such beginning counts.
 */
export function inUsualOrder(text: string, from: number, fromClient: boolean): string | undefined {
  const messageEnd = fromClient ? text.lastIndexOf(SESSION) : text.indexOf(SESSION, from);
  if (messageEnd < from) return undefined;
  const userFirst = fromClient ? text.lastIndexOf(USER) : text.indexOf(USER, from);
  if (fromClient ? userFirst > messageEnd : userFirst >= from && userFirst < messageEnd) return undefined;
  const idAt = messageEnd + SESSION.length;
  if (!ID.test(text.slice(idAt, idAt + 70))) return undefined;
  const idEnd = text.indexOf('>', idAt);
  let user = '';
  const found = new Map<string, string>();
  for (let i = idEnd + 3; i < text.length; ) {
    let stop = text.indexOf(', ', i);
    if (stop < 0) stop = text.length;
    if (text.startsWith('user=<', i)) {
      const close = text.indexOf('>, ', i + 6);
      stop = close < 0 ? text.length : close + 1;
      if (user === '') user = text.slice(i, stop);
    } else {
      const name = NAMES.find((opening) => text.startsWith(opening, i));
      // An error of OpenSSL may hold anything.
      if (name === 'TLS' && text.slice(i, i + 20).includes(': ')) stop = text.length;
      if (name !== undefined && !found.has(name)) found.set(name, text.slice(i, stop));
    }
    i = stop + 2;
  }
  const elements = NAMES.flatMap((name) => found.get(name) ?? []);
  const session = text.slice(messageEnd + 2, idEnd + 1);
  return `${text.slice(0, messageEnd)}: ${[user === '' ? 'user=<>' : user, ...elements, session].join(', ')}`;
}
