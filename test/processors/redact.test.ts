import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newRedaction, redact } from '../../processors/redact.ts';
import { cpuMs } from '../cpu-time.ts';

const KEY = 'a key for tests only';
const MARK = /\[secret:(?:1-7|8-15|16-31|32-63|64-255|256\+):[\w-]{10}\]/g;

/** Redacts and writes each fingerprint as `*`, so that what stays is plain to see. */
const stars = (text: string) => redact(text, KEY).replace(MARK, '*');

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl';

test('secrets go, the rest stays exact', () => {
  const rows: readonly (readonly [string, string])[] = [
    // Dovecot
    [
      'auth: passdb(anna,192.0.2.1): Password mismatch (given password: hunter2)',
      'auth: passdb(anna,192.0.2.1): Password mismatch (given password: *)',
    ],
    ['x (given password: se)cr(et)', 'x (given password: *)'],
    ['x (SHA1 of given password: 5baa61)', 'x (SHA1 of given password: *)'],
    ['{"MESSAGE":"x (given password: a)b)","_PID":"7 (x)"}', '{"MESSAGE":"x (given password: *)","_PID":"7 (x)"}'],
    ["sql(anna,192.0.2.1): PLAIN(hunter2) != 'swordfish'", "sql(anna,192.0.2.1): PLAIN(*) != '*'"],
    [
      'client in: AUTH\t1\tPLAIN\tservice=imap\tresp=AGFubmEAaHVudGVyMg==\tlip=192.0.2.1',
      'client in: AUTH\t1\tPLAIN\tservice=imap\tresp=*\tlip=192.0.2.1',
    ],
    ['resp=<hidden>', 'resp=<hidden>'],
    ['/x;jsessionid%3D9f8e7d6c5b4a', '/x;jsessionid%3D*'],
    ['passdb out: OK\t1\tuser=anna\tpass=a b,c;d&e\tproxy', 'passdb out: OK\t1\tuser=anna\tpass=*\tproxy'],
    ['password={SSHA512}abcdefghijkl== x', 'password=* x'],
    ['stored {BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuv', 'stored {BLF-CRYPT}*'],
    ['anna:$6$salt$abcdefghijklmnop:1000', 'anna:*:1000'],
    // Commands
    ['< mx1[192.0.2.1]: AUTH PLAIN AGFubmEAaHVudGVyMg==', '< mx1[192.0.2.1]: AUTH PLAIN *'],
    ['C: a1 AUTHENTICATE PLAIN AGFubmEAaHVudGVyMg==', 'C: a1 AUTHENTICATE PLAIN *'],
    ['AUTHENTICATE "PLAIN" "AGFubmEAaHVudGVyMg=="', 'AUTHENTICATE "PLAIN" "*"'],
    ['AUTH=LOGIN aHVudGVyMg==', 'AUTH=LOGIN *'],
    ['a1 authenticate xoauth2 dXNlcj1hbm5hAWF1dGg9', 'a1 authenticate xoauth2 *'],
    ['C: a1 LOGIN anna hunter2', 'C: a1 LOGIN anna *'],
    ['"a LOGIN \\"anna\\" hunter2"', '"a LOGIN \\"anna\\" hunter2"'],
    ['a1 LOGIN "anna b" "hun\\"ter 2"', 'a1 LOGIN "anna b" "*"'],
    ['"PASS hunter 2" refused', '"PASS *" refused'],
    // HTTP
    ['Authorization: Basic YW5uYTpodW50ZXIy', 'Authorization: Basic *'],
    [`authorization: Bearer ${JWT}`, 'authorization: Bearer *'],
    ['{"Authorization":"Bearer abc","Host":"x"}', '{"Authorization":"Bearer *","Host":"x"}'],
    ['Cookie: sid=abc; theme=dark\nHost: x', 'Cookie: sid=*; theme=*\nHost: x'],
    [
      'Set-Cookie: sid=abc; Path=/; Secure; HttpOnly; SameSite=Lax',
      'Set-Cookie: sid=*; Path=/; Secure; HttpOnly; SameSite=Lax',
    ],
    ['X-Auth-Token: 9f8e7d6c5b4a', 'X-Auth-Token: *'],
    ['X-Api-Key: "k"', 'X-Api-Key: "*"'],
    ['"POST /?_user=anna&_pass=hunter2&_token=abc HTTP/1.1" 200', '"POST /?_user=anna&_pass=*&_token=* HTTP/1.1" 200'],
    [
      'grant_type=refresh_token&refresh_token=abc&client_secret=def&scope=imap',
      'grant_type=refresh_token&refresh_token=*&client_secret=*&scope=imap',
    ],
    ['grant_type=authorization_code&code=abc&state=1', 'grant_type=authorization_code&code=*&state=1'],
    ['GET /cb?code=0123456789abcdef&state=1', 'GET /cb?code=*&state=1'],
    ['{"access_token":"abc","expires_in":3600}', '{"access_token":"*","expires_in":3600}'],
    [
      '{"log":"{\\"password\\":\\"hun\\\\\\"ter\\",\\"user\\":\\"anna\\"}"}',
      '{"log":"{\\"password\\":\\"*\\",\\"user\\":\\"anna\\"}"}',
    ],
    ['https://anna:hunter2@mail.example.org/x', 'https://anna:*@mail.example.org/x'],
    ['name="password"\r\n\r\nhunter2\r\n--boundary', 'name="password"\r\n\r\n*\r\n--boundary'],
    ['<Password>hunter2</Password><User>anna</User>', '<Password>*</Password><User>anna</User>'],
    ['saw Bearer 0123456789abcdef here', 'saw Bearer * here'],
    [`a ${JWT} b`, 'a * b'],
    // WAF sentences
    [
      "against variable `ARGS:password' (Value: `' OR 1=1' ) [file",
      "against variable `ARGS:password' (Value: `*' ) [file",
    ],
    [
      '[data "Matched Data: 1=1 found within ARGS:_pass: x 1=1"] [sev',
      '[data "Matched Data: * found within ARGS:_pass: *"] [sev',
    ],
    [
      '[data "Matched Data: x found within REQUEST_COOKIES:sid: abx"]',
      '[data "Matched Data: * found within REQUEST_COOKIES:sid: *"]',
    ],
    ["against variable `ARGS:id' (Value: `1' ) [file", "against variable `ARGS:id' (Value: `1' ) [file"],
    // VPN
    [
      "PUSH_REPLY,route 10.0.0.0,auth-token SESS_ID_AT_abc123,peer-id 0'",
      "PUSH_REPLY,route 10.0.0.0,auth-token *,peer-id 0'",
    ],
    // Keys
    [
      '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
      '-----BEGIN RSA PRIVATE KEY-----*-----END RSA PRIVATE KEY-----',
    ],
    [`${'aB3/'.repeat(16)}`, '*'],
    ["query: SELECT password = 'hunter2' FROM u", "query: SELECT password = '*' FROM u"],
    ['IMAP_PASSWORD=hunter2', 'IMAP_PASSWORD=*'],
  ];
  for (const [text, expected] of rows) assert.equal(stars(text), expected);
});

test('lines without secrets stay as they are', () => {
  for (const text of [
    'imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.7, lip=192.0.2.10, mpid=176, TLS, session=<lLtlPv1g9dvGM2QU>',
    'imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 8 secs): user=<anna>, method=PLAIN',
    'imap(anna)<176><lLtlPv1g9dvGM2QU>: Disconnected: Logged out in=70 out=4221',
    'auth: Debug: auth client connected (pid=7)',
    'auth: passdb(anna,192.0.2.1,<lLtlPv1g9dvGM2QU>): Password mismatch',
    'auth: oauth2(anna,192.0.2.1): oauth2 failed: Introspection failed: token expired',
    'postfix/smtpd[7]: warning: mx1[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6',
    'postfix/smtpd[7]: warning: mx1[192.0.2.1]: SASL PLAIN authentication failed: authentication failure',
    'postfix/cleanup[7]: 4XyzAB1c2d: message-id=<20261124.abc@example.org>',
    'postfix/postscreen[7]: PASS OLD [192.0.2.1]:50209',
    '* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 SASL-IR',
    'TLS Auth Error: Auth Username/Password verification failed for peer',
    'SIGUSR1[soft,auth-failure (auth-token)] received, client-instance restarting',
    'auth-token verification failed for peer, bearer authentication refused',
    '198.51.100.30 - - [24/Nov/2026:03:24:10 +0000] "POST /oauth2/token HTTP/1.1" 200 376 "-" "Mozilla/5.0"',
    'GET /path?id=1 HTTP/1.1, referrer: "https://mail.example.org:443/a@b"',
    'config: auth_verbose_passwords = no, ssl_min_protocol = TLSv1.2',
    'password=, token=-, secret=<hidden>, pass=****',
    'bypass=on, compass: north',
  ])
    assert.equal(redact(text, KEY), text);
});

test('equal secrets have equal fingerprints, other keys and other secrets have others', () => {
  const mark = (text: string, key = KEY) => redact(text, key).match(MARK)?.[0];
  assert.equal(mark('password=hunter2'), mark('Cookie: a=hunter2'));
  assert.notEqual(mark('password=hunter2'), mark('password=hunter3'));
  assert.notEqual(mark('password=hunter2'), mark('password=hunter2', 'another key'));
  assert.match(mark('password=hunter2') ?? '', /^\[secret:1-7:/);
  assert.match(mark(`password=${'x'.repeat(100)}1`) ?? '', /^\[secret:64-255:/);
});

test('inspect tells what was replaced', () => {
  const redaction = newRedaction(KEY);
  assert.equal(redaction.inspect('nothing here'), undefined);
  const found = redaction.inspect('password=hunter2&x=1');
  assert.deepEqual([...(found?.secrets.keys() ?? [])], ['hunter2']);
});

test('a forged fingerprint hides nothing', () => {
  assert.equal(stars('password=[secret:1-7:AAAAAAAAAA]hunter2'), 'password=*');
  assert.equal(stars('(given password: [secret:1-7:AAAAAAAAAA] hunter2)'), '(given password: *)');
});

const PIECES = fc.constantFrom(
  ...[
    'password',
    'token',
    'Cookie',
    'Authorization',
    'secret',
    '=',
    ':',
    ': ',
    '"',
    '\\"',
    "'",
    '`',
    ' ',
    '&',
    ';',
    ',',
    ')',
    '(',
    ']',
  ],
  ...[
    '<',
    '>',
    '\n',
    '\t',
    'Bearer ',
    'Basic ',
    'AUTH PLAIN ',
    'a1 LOGIN ',
    'eyJabc',
    JWT,
    'hunter2',
    '{',
    '://',
    '@',
    'given password: ',
  ],
  ...[
    "' (Value: `",
    "' )",
    'ARGS:',
    ' found within ',
    'Matched Data: ',
    '{SSHA}',
    '$6$',
    "PLAIN(x) != '",
    '-----BEGIN PRIVATE KEY-----',
    'auth-token ',
  ],
  ...[
    '[secret:1-7:AAAAAAAAAA]',
    '[secret:',
    'AGFubmEAaHVudGVyMg==',
    '"PASS ',
    'resp=',
    '<Password>',
    'grant_type=',
    'code=',
    '?',
    'SESS_ID_AT_12345',
  ],
);

test('redacting twice changes nothing', () => {
  fc.assert(
    fc.property(fc.array(PIECES, { maxLength: 14 }), (pieces) => {
      const once = redact(pieces.join(''), KEY);
      assert.equal(redact(once, KEY), once);
    }),
    { numRuns: 20_000 },
  );
});

test('any text is taken, and hostile ones of 1 MB in linear time', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof redact(text, KEY) === 'string'));
  const seeds = [
    'password=',
    'password="',
    'token: ',
    'token>',
    '<token>',
    'Cookie: ',
    'Cookie: ;',
    'Authorization: ',
    'AUTH=PLAIN=',
    'AUTH PLAIN ',
  ];
  seeds.push(
    'a1 LOGIN ',
    'a1 LOGIN "',
    '< PASS ',
    '"PASS ',
    'eyJ',
    'dXNlcj1',
    '://a:',
    '://',
    "' (Value: `",
    "`ARGS:pwd' (Value: `",
    ' found within ',
  );
  seeds.push(
    'Matched Data: x found within ARGS:pwd: ',
    'given password: ',
    '{SSHA}',
    '$6$',
    ") != '",
    '-----BEGIN PRIVATE KEY-----',
    'bearer ',
    '&code=',
  );
  seeds.push(
    'grant_type=code=',
    'auth-token ',
    'token"\n\n',
    '\\"token\\":\\"',
    'a',
    ';',
    '"',
    '\\',
    'pass',
    'SESS_ID_',
    'login a',
    '{"password":"\\',
  );
  for (const seed of seeds) {
    for (const head of ['', 'password="', '{Cookie: ']) {
      const text = head + seed.repeat(Math.ceil(1_000_000 / seed.length));
      const from = cpuMs();
      redact(text, KEY);
      const took = cpuMs() - from;
      assert.ok(took < 1500, `${head}${seed}… took ${took} ms`);
    }
  }
});
