import { decodePercent } from './http-request.ts';

/**
 * Who a web request is about: the user name in its form, JSON body, XML body (Autodiscover), query or Basic authorization.
 * Never a password, token or other secret; only these names are read, so an unknown field cannot leak.
 */

/** Names of fields that hold a user, best first, in lower case with only letters and digits (`login_username`, `_user`, `j_username`). */
const NAMES: readonly string[] = [
  ...[
    'username',
    'loginusername',
    'user',
    'jusername',
    'userid',
    'uid',
    'login',
    'loginname',
    'userlogin',
    'email',
    'emailaddress',
  ],
  ...[
    'useremail',
    'mail',
    'upn',
    'userprincipalname',
    'loginhint',
    'account',
    'accountname',
    'identifier',
    'log',
    'clientid',
    'client',
  ],
];
const RANKS: ReadonlyMap<string, number> = new Map(NAMES.map((name, rank) => [name, rank]));

/** Rank of a field name, lower is better; undefined if it holds no user. */
function rankOf(name: string): number | undefined {
  if (name.length > 64) return undefined;
  return RANKS.get(name.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

/** A user name from an `application/x-www-form-urlencoded` body or a query string (not yet redacted). */
export function userOfForm(form: string): string | undefined {
  let best: string | undefined;
  let bestRank = NAMES.length;
  let at = 0;
  for (let count = 0; at <= form.length && count < 256; count++) {
    const next = form.indexOf('&', at);
    const end = next < 0 ? form.length : next;
    const pair = form.slice(at, end);
    const equals = pair.indexOf('=');
    const rank = equals > 0 ? rankOf(decodePercent(pair.slice(0, Math.min(equals, 200)))) : undefined;
    if (rank !== undefined && rank < bestRank) {
      const value = userText(decodePercent(pair.slice(equals + 1).replaceAll('+', ' ')));
      if (value !== undefined) [best, bestRank] = [value, rank];
    }
    at = end + 1;
  }
  return best;
}

/** A user name from a parsed JSON body: its own fields, then those of objects in it, to a depth of three. */
export function userOfJson(body: unknown, depth = 0): string | undefined {
  if (typeof body !== 'object' || body === null || depth > 3) return undefined;
  let best: string | undefined;
  let bestRank = NAMES.length;
  const entries = Object.entries(body).slice(0, 256);
  for (const [name, value] of entries) {
    const rank = typeof value === 'string' ? rankOf(name) : undefined;
    if (rank === undefined || rank >= bestRank) continue;
    const user = userText(value);
    if (user !== undefined) [best, bestRank] = [user, rank];
  }
  if (best !== undefined) return best;
  for (const [, value] of entries) {
    const user = userOfJson(value, depth + 1);
    if (user !== undefined) return user;
  }
  return undefined;
}

/** The mailbox that an Autodiscover request asks about: `<EMailAddress>anna@example.org</EMailAddress>`. */
export function userOfXml(body: string): string | undefined {
  const head = body.slice(0, 16_384);
  const start = head.toLowerCase().indexOf('<emailaddress>');
  if (start < 0) return undefined;
  const end = head.indexOf('<', start + 14);
  return end < 0 ? undefined : userText(head.slice(start + 14, end).trim());
}

/** The user of a request body, read as its type says, or as it looks if the type is not known. */
export function userOfBody(body: string, contentType: string | undefined): string | undefined {
  const text = body.trim();
  if (text === '') return undefined;
  const type = contentType?.toLowerCase() ?? '';
  if (type.includes('xml') || text.charCodeAt(0) === 60) return userOfXml(text);
  if (type.includes('json') || text.charCodeAt(0) === 123) return userOfJson(parseJson(text));
  return type === '' || type.includes('form-urlencoded') ? userOfForm(text) : undefined;
}

/** The user part of an `Authorization: Basic …` header. */
export function userOfAuthorization(header: string | undefined): string | undefined {
  if (header === undefined || !/^basic /i.test(header) || header.length > 2048) return undefined;
  const pair = Buffer.from(header.slice(6).trim(), 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon > 0 ? userText(pair.slice(0, colon)) : undefined;
}

/** A plausible user name: short, printable, and no token. */
function userText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > 254 || value.startsWith('eyJ')) return undefined;
  return /[\u0000-\u001f\u007f\ufffd]/.test(value) ? undefined : value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
