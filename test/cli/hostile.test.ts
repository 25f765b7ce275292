/** Log content is an attacker's: nothing of it may act in a terminal or a browser, forge a fact, or break the run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { healthySession, idleSession, refusedLogin, stamp } from './lines.ts';
import { at, imapwhy, ndjson, workplace } from './run.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const ESCAPE = '\x1b';
const EVIL = `\x1b]0;owned\x07\x1b[31m<script>alert(1)</script>"'><img src=x onerror=alert(2)>\u202e\x9b31m`;

/** The evil text in every field that a client, an attacker or a server of theirs can fill. */
const evilLogs: Readonly<Record<string, string>> = {
  'mail.log':
    idleSession({ at: NOON, user: EVIL, port: 40_001 }) +
    refusedLogin({ at: NOON + 20_000, user: EVIL, port: 40_002 }) +
    `${stamp(NOON)} ${EVIL.replaceAll(' ', '')} dovecot: imap-login: Disconnected (no auth attempts in 180 secs): user=<>, rip=192.0.2.9, lip=192.0.2.1, TLS handshaking: SSL_accept() failed: ${EVIL}, session=<${EVIL}>\n` +
    `${stamp(NOON)} mx1 dovecot: imap-login: ID sent: name=${EVIL}, version=${EVIL}: user=<>, rip=192.0.2.77, lip=192.0.2.1, TLS, session=<${EVIL}>\n` +
    `${stamp(NOON)} mx1 dovecot: auth: passwd-file(${EVIL},192.0.2.9): unknown user\n` +
    `${stamp(NOON)} mx1 ${EVIL}[1]: ${EVIL}\n` +
    `${stamp(NOON)} mx1 postfix/smtpd[1]: warning: ${EVIL}[192.0.2.9]: SASL PLAIN authentication failed: ${EVIL}\n`,
  'haproxy.log': `${stamp(NOON)} mx1 haproxy[1]: 192.0.2.77:40001 [24/Nov/2026:12:00:00.000] ${EVIL.replaceAll(' ', '')} ${EVIL.replaceAll(' ', '')}/x 1/0/600000 900 cD 1/1/0/0/0 0/0\n`,
  'access.log': `192.0.2.9 - ${EVIL.replaceAll(' ', '')} [24/Nov/2026:12:00:00 +0000] "POST /oauth2/token?${EVIL} HTTP/1.1" 403 1 "${EVIL}" "${EVIL}"\n`,
  'error.log': `2026/11/24 12:00:00 [error] 1#1: *1 limiting requests, excess: 1.0 by zone "${EVIL}", client: 192.0.2.9, server: ${EVIL}, request: "GET /${EVIL} HTTP/1.1", host: "${EVIL}"\n`,
  'audit.json': `${JSON.stringify({ transaction: { client_ip: '192.0.2.9', time_stamp: 'Tue Nov 24 12:00:00 2026', unique_id: EVIL, request: { method: 'GET', uri: `/${EVIL}`, headers: { Host: EVIL, [EVIL]: EVIL } }, response: { http_code: 403 }, messages: [{ message: EVIL, details: { ruleId: EVIL, data: EVIL, tags: [EVIL] } }] } })}\n`,
  'vpn.log': `2026-11-24 12:00:00 192.0.2.9:1194 [${EVIL}] Peer Connection Initiated with [AF_INET]192.0.2.9:1194\n2026-11-24 12:00:00 ${EVIL}/192.0.2.9:1194 MULTI: Learn: 10.8.0.2 -> ${EVIL}/192.0.2.9:1194\n`,
  [`${EVIL.replaceAll('/', '')}.log`]: `${EVIL}\n${healthySession({ at: NOON })}`,
};

describe('escapes and markup in every field', () => {
  test('terminal, report and explanation show them and do not obey them', async (t) => {
    const place = workplace(t);
    const files = Object.entries(evilLogs).map(([name, text]) => place.write(name, text));
    const done = await place.analyze([...files, `${place.path}/none-${EVIL.replaceAll('/', '')}`]);
    assert.equal(done.code, 1); // because of the file that is missing
    assert.ok(place.documents('profiles').length >= 3);
    const store = `${place.out}/imapwhy.db`;
    const explained = await Promise.all(
      place
        .documents('profiles')
        .slice(0, 6)
        .map((p) => imapwhy(['explain', '--store', store, '--', String(at(p, 'imapwhy.session.id'))])),
    );
    const asked = await imapwhy(['explain', '--store', store, '--user', EVIL]);
    for (const finished of [done, asked, ...explained]) assertNoControls(finished.stdout + finished.stderr);
    for (const finished of explained) assert.equal(finished.code, 0, finished.stderr);
    assert.match(explained.map((e) => e.stdout).join(''), /\\x1b\]0;owned/);

    const page = place.report();
    assertNoControls(page);
    assert.ok(!/<script>alert|<img src=x|onerror=alert\(2\)>/.test(page));
    assert.match(page, /&lt;script&gt;alert/);
  });

  test('parse writes them as JSON escapes, one document a line', async (t) => {
    const place = workplace(t);
    const done = await imapwhy(['parse', ...Object.entries(evilLogs).map(([name, text]) => place.write(name, text))]);
    assert.equal(done.code, 0, done.stderr);
    assert.ok(!done.stdout.includes(ESCAPE));
    const lines = Object.values(evilLogs).join('').split('\n').length - 1;
    assert.equal(ndjson(done.stdout).length, lines);
    assertNoControls(done.stderr);
  });
});

describe('names that would be keys or facts', { concurrency: 2 }, () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'a>, rip=1.2.3.4', 'a>, rip=1.2.3.4>'];

  test('a user name forges no address and breaks no table', async (t) => {
    const place = workplace(t);
    const log = names
      .map(
        (user, i) =>
          refusedLogin({ at: NOON + i * 60_000, user, ip: '192.0.2.66', port: 41_000 + i }) +
          idleSession({ at: NOON + i * 60_000, user, ip: '192.0.2.66', port: 42_000 + i }),
      )
      .join('');
    const file = place.write('mail.log', log);
    const [analysed, parsed] = await Promise.all([place.analyze([file], {}), imapwhy(['parse', file])]);
    assert.deepEqual([analysed.code, parsed.code], [0, 0], analysed.stderr);
    const profiles = place.documents('profiles');
    assert.equal(profiles.length, 2 * names.length);
    for (const p of profiles) {
      assert.equal(at(p, 'client.ip'), '192.0.2.66');
      assert.equal(at(p, 'source.ip'), '192.0.2.66');
      assert.ok(!JSON.stringify(at(p, 'related.ip')).includes('1.2.3.4'));
    }
    for (const e of ndjson(parsed.stdout)) assert.notEqual(at(e, 'source.ip'), '1.2.3.4');
    for (const user of names.slice(0, 5)) {
      assert.ok(
        profiles.some((p) => at(p, 'user.name') === user),
        `${user} is kept`,
      );
    }
    const explained = await imapwhy(['explain', '--store', `${place.out}/imapwhy.db`, '--user', '__proto__']);
    assert.equal(explained.code, 0, explained.stderr);
    assert.match(explained.stdout, /__proto__/);
  });

  test('keys of JSON logs neither', async (t) => {
    const place = workplace(t);
    const line =
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"transaction":{"__proto__":{"client_ip":"1.2.3.4"}}}\n';
    const file = place.write('audit.json', line + healthySession({ at: NOON }));
    const done = await imapwhy(['parse', file]);
    assert.equal(done.code, 0);
    assert.equal(ndjson(done.stdout).length, 3);
    assert.equal(at(ndjson(done.stdout)[0], 'polluted'), undefined);
  });
});

/** No character that a terminal acts on, besides the newline. */
function assertNoControls(text: string): void {
  const found = /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/.exec(text);
  assert.equal(found, null, found ? JSON.stringify(text.slice(Math.max(0, found.index - 80), found.index + 20)) : '');
}
