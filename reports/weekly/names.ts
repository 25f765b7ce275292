import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import { networkOf } from '../../processors/resolve/network.ts';

/** How the report names people and addresses, and what becomes of texts that may name them. */
export interface Names {
  readonly areHidden: boolean;
  user(name: string): string;
  /** `network:203.0.113.0/24`, `server:mx1`, `rule:942100 /token`. */
  scope(scope: string): string;
  /** A sentence or a path; `users` are those whom it may name. */
  text(text: string, users: readonly string[]): string;
  /** A line of a log, or null where it must not be shown. */
  line(line: string | null): string | null;
  /** The file or stream that a source is. */
  source(name: string): string;
}

export const PLAIN_NAMES: Names = {
  areHidden: false,
  user: (name) => name,
  scope: (scope) => scope,
  text: (text) => text,
  line: (line) => line,
  source: (name) => name,
};

const CHARACTERS = 10;
/** What can be an address or a network, checked with `isIP` afterwards. A port may follow the first, nothing of an address the second. */
const IPV4 = /(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(\/\d{1,2})?(?!\w|\.\w)/g;
const IPV6 =
  /(?<![\w:])([0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?)(\/\d{1,3})?(?!\w|:|\.\d)/gi;
/** `host-203-0-113-7.example.net`, as providers name their customers. */
const NAMED_BY_ADDRESS = /(?<!\d)(\d{1,3}(?:-\d{1,3}){3})(?!\d)/g;
const MAIL_ADDRESS = /[^\s<>()[\]"',;:=/]{1,128}@[^\s<>()[\]"',;:=/]{1,255}/g;

/**
 * Names by which nobody is known elsewhere: `user-` or `net-` and a keyed fingerprint (HMAC-SHA256, 60 bits in base32), the same for the same
 * name and key, so that reports of one site can be compared. Lines of logs are left out, because anything can stand in them.
 */
export function pseudonyms(key: string): Names {
  const named = (kind: 'user' | 'addr' | 'net' | 'source', text: string): string =>
    `${kind}-${base32(createHmac('sha256', key).update(`weekly ${kind}\0${text}`).digest())}`;
  const user = (name: string): string => named('user', name.toLowerCase());
  // A mapped IPv4 address is the IPv4 address.
  const address = (text: string): string => named('addr', text.toLowerCase().replace(/^::ffff:(?=\d+\.)/, ''));
  const hideAddress = (whole: string, candidate: string, length: string | undefined): string => {
    if (isIP(candidate) === 0) return whole;
    return length === undefined ? address(candidate) : named('net', networkOf(candidate));
  };
  const hideAddresses = (text: string): string =>
    text
      .replace(IPV6, hideAddress)
      .replace(IPV4, hideAddress)
      .replace(NAMED_BY_ADDRESS, (whole: string) => {
        const candidate = whole.replaceAll('-', '.');
        return isIP(candidate) === 0 ? whole : address(candidate);
      });
  const hideText = (text: string, users: readonly string[]): string => {
    let hidden = text.replace(MAIL_ADDRESS, (found) => user(found));
    // The longest first: `anna.b` before `anna`.
    for (const name of [...new Set(users.flatMap(spellings))].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)))
      hidden = replaceWord(hidden, name, user(name));
    return hideAddresses(hidden);
  };
  return {
    areHidden: true,
    user,
    scope: (scope) => {
      const colon = scope.indexOf(':') + 1;
      const [kind, name] = [scope.slice(0, colon), scope.slice(colon)];
      return kind + (/^(?:user|client|tunnel):$/.test(kind) ? user(name) : hideText(name, []));
    },
    text: hideText,
    line: () => null,
    source: (name) => named('source', name),
  };
}

/** `anna@example.org` can also stand as `anna`. */
function spellings(name: string): readonly string[] {
  const at = name.indexOf('@');
  const local = name.slice(name.lastIndexOf('\\') + 1, at > 0 ? at : undefined);
  return [name, local].filter((text) => text.length > 1);
}

function replaceWord(text: string, word: string, by: string): string {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}_-])${escaped}(?![\\p{L}\\p{N}_-])`, 'giu'), by);
}

const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

function base32(bytes: Buffer): string {
  let text = '';
  for (let i = 0; i < CHARACTERS; i++) text += ALPHABET[(bytes[i] ?? 0) % 32];
  return text;
}
