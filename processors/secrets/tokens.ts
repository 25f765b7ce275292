import { bareEnd } from './pairs.ts';
import { add, isWord, looksRandom, runEnd, type SecretSpan, untilAny } from './scan.ts';

/** Tokens by their look or by the word before them. */
export function tokens(text: string, found: SecretSpan[]): void {
  const bearer = /\bbearer[ \t]{1,3}/gi;
  for (let m = bearer.exec(text); m !== null; m = bearer.exec(text)) {
    const end = runEnd(text, bearer.lastIndex, isTokenCharacter);
    if (looksRandom(text.slice(bearer.lastIndex, end))) add(found, bearer.lastIndex, end);
    bearer.lastIndex = Math.max(end, bearer.lastIndex);
  }
  // JSON web tokens begin with the base64 of `{"`, XOAUTH2 messages with that of `user=`, OpenVPN's with their name.
  runs(text, 'eyJ', 24, found);
  runs(text, 'dXNlcj1', 12, found);
  runs(text, 'SESS_ID_', 12, found);
  const code = /[?&]code=|(?:CRV1|OPEN_URL|WEB_AUTH):|[?&;]_?sid=/g;
  for (let m = code.exec(text); m !== null; m = code.exec(text)) {
    const end = untilAny(text, code.lastIndex, ' \t\r\n"\'<>&');
    if (end - code.lastIndex >= 8) add(found, code.lastIndex, end);
    code.lastIndex = Math.max(end, code.lastIndex);
  }
  if (text.includes('grant_type=')) {
    const grant = /(?<![\w.-])code=/g;
    for (let m = grant.exec(text); m !== null; m = grant.exec(text)) {
      const end = bareEnd(text, grant.lastIndex, m.index);
      add(found, grant.lastIndex, end);
      grant.lastIndex = Math.max(end, grant.lastIndex);
    }
  }
  // OpenVPN pushes `auth-token X` among its options.
  const pushed = /\bauth-token[ \t]/g;
  for (let m = pushed.exec(text); m !== null; m = pushed.exec(text)) {
    const end = untilAny(text, pushed.lastIndex, ' \t\r\n,\'"');
    if (looksRandom(text.slice(pushed.lastIndex, end))) add(found, pushed.lastIndex, end);
    pushed.lastIndex = Math.max(end, pushed.lastIndex);
  }
}

function runs(text: string, beginning: string, lengthMin: number, found: SecretSpan[]): void {
  for (let at = text.indexOf(beginning); at >= 0; ) {
    const end = runEnd(text, at, isTokenCharacter);
    if (end - at >= lengthMin && !isWord(text.charCodeAt(at - 1))) add(found, at, end);
    at = text.indexOf(beginning, Math.max(end, at + 1));
  }
}

const isTokenCharacter = (c: number): boolean =>
  isWord(c) || c === 45 || c === 46 || c === 126 || c === 43 || c === 47 || c === 61;
