import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Glance, HINTED, ODD, UNKNOWN_GLANCE } from '../../processors/glance.ts';
import { secretsIn } from '../../processors/secrets.ts';

const GOLDEN = join(import.meta.dirname, '../golden');

/** What a glance says of the text, `before` bytes into a chunk that goes on behind it. */
function glanceAt(text: string, before: number): number {
  const line = Buffer.from(text);
  const chunk = Buffer.concat([Buffer.alloc(before, 0x0a), line, Buffer.from('\nnext')]);
  return new Glance(chunk).at(before, before + text.length);
}

/** Whoever trusts a no must not be wrong. */
function trustworthy(text: string, before: number): void {
  const seen = glanceAt(text, before);
  if ((seen & HINTED) === 0) assert.deepEqual(secretsIn(text), [], text);
  if ((seen & ODD) === 0) {
    assert.equal(JSON.stringify(text), `"${text}"`);
    assert.equal(Buffer.byteLength(text), text.length);
  }
}

test('a plain line is seen as such, wherever it stands', () => {
  const line =
    'Nov 24 03:24:10 mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=7, TLS, session=<2gNKZAFhp8pkQDAL>';
  for (const before of [0, 1, 2, 3]) assert.equal(glanceAt(line, before), 0);
});

test('what JSON escapes and what is not ASCII is seen at every place', () => {
  for (const sign of ['"', '\\', '\t', '\0', '\x1b', '\x7f', 'ł', '\u{1f600}', '\ufffd']) {
    for (let at = 0; at < 6; at++) {
      const text = `${'x'.repeat(at)}${sign}${'x'.repeat(5 - at)}`;
      assert.equal(glanceAt(text, at) & ODD, ODD, JSON.stringify(text));
    }
  }
});

test('a secret behind wide characters is not overlooked, though the text is shorter than its bytes', () => {
  assert.equal(glanceAt(`${'ż'.repeat(40)} password=x`, 0), UNKNOWN_GLANCE);
});

test('a line beyond the chunk is unknown', () => {
  assert.equal(new Glance(Buffer.from('abcdef')).at(2, 1_000_000), UNKNOWN_GLANCE);
});

test('no secret is overlooked: golden lines', () => {
  for (const format of readdirSync(GOLDEN)) {
    for (const file of readdirSync(join(GOLDEN, format)).filter((name) => name.endsWith('.log'))) {
      const lines = readFileSync(join(GOLDEN, format, file), 'utf8').split('\n');
      for (const [i, line] of lines.entries()) trustworthy(line, i % 4);
    }
  }
});

test('no secret is overlooked: sentences about secrets', () => {
  const word = fc.constantFrom(
    ...[
      'password',
      'passphrase',
      'pwd',
      'kennwort',
      'secret',
      'token',
      'api key',
      'api_key',
      'access-key',
      'privatekey',
    ],
    ...['credentials', 'assertion', 'SAMLResponse', 'code_verifier', 'codeverifier', 'otp', 'totp', 'jwt', 'resp'],
    ...['phpsessid', 'aspsessid', 'ssessid', 'jsessionid', 'connect.sid', 'roundcube_sessid', 'cookie', 'set-cookie'],
    ...['authorization', 'proxy-authorization', 'bearer', 'auth-token', 'AUTH', 'AUTHENTICATE', 'LOGIN', 'PASS'],
    ...[
      'given password',
      '{SSHA512}',
      '{PLAIN}',
      '$6$salt$',
      'PLAIN(',
      ") != '",
      'SESS_ID_',
      'CRV1:',
      'OPEN_URL:',
      'WEB_AUTH:',
    ],
    ...['?code=', '&sid=', ';_sid=', 'grant_type=', 'code=', 'https://anna:', '@', 'eyJhbGci', 'dXNlcj1hbm5h'],
    ...['-----BEGIN PRIVATE KEY-----', ' found within ARGS:', "' (Value: `", 'Matched Data: '],
  );
  const joint = fc.constantFrom('', ' ', '=', ': ', '="', '>', '%3D', '/', 'A', '7', 'x9f8e7d6c5b4a', ', ', ' PLAIN ');
  const casing = fc.constantFrom(
    (s: string) => s,
    (s: string) => s.toUpperCase(),
    (s: string) => s.toLowerCase(),
    (s: string) => s.charAt(0).toUpperCase() + s.slice(1),
  );
  const piece = fc.tuple(word, joint, casing, fc.string({ maxLength: 8 })).map(([w, j, c, s]) => c(w) + j + s);
  const wide = fc.constantFrom('', '', '', 'żółć', '\u{10000}'.repeat(12), '\x80');
  const sentence = fc
    .tuple(wide, fc.array(piece, { minLength: 1, maxLength: 5 }))
    .map(([before, pieces]) => before + pieces.join(''));
  fc.assert(
    fc.property(sentence, fc.nat(3), (text, before) => trustworthy(text, before)),
    { numRuns: 20_000 },
  );
});

test('no secret is overlooked: lines of a key', () => {
  const base64 = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';
  assert.equal(secretsIn(base64).length, 1);
  for (const before of [0, 1]) assert.equal(glanceAt(base64, before) & HINTED, HINTED);
});
