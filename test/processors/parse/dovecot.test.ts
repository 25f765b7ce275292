import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DovecotEvent, dovecot } from '../../../processors/parse/dovecot.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { UTC } from '../../../processors/time.ts';
import { cpuMs } from '../../cpu-time.ts';
import { lineOf } from '../../line.ts';
import { syslogGolden } from './syslog-golden.ts';

syslogGolden(dovecot);

const AT = Date.UTC(2026, 10, 24, 3, 24, 25);
const CONTEXT = { zone: UTC, near: Number.NaN, memory: newSourceMemory() };
const ELEMENTS = 'rip=198.51.100.30, lip=192.0.2.10, TLS, session=<H9trPv1gS7XGM2Qe>';

function event(message: string, program = 'dovecot'): DovecotEvent {
  const outcome = dovecot.parse(lineOf({ program, message, at: AT }), CONTEXT);
  assert.equal(outcome.kind, 'event');
  return outcome.kind === 'event' ? outcome.event : assert.fail();
}

test('a line without a stamp is the only failure', () => {
  const outcome = dovecot.parse(
    lineOf({ program: 'dovecot', message: `imap-login: Login: user=<a>, ${ELEMENTS}` }),
    CONTEXT,
  );
  assert.deepEqual(outcome, { kind: 'failure', code: 'bad_time', field: 'stamp' });
});

test('the process name may stand in the tag, in the message, or in both', () => {
  const message = `Login: user=<a>, ${ELEMENTS}`;
  const expected = { ...event(`imap-login: ${message}`), line: undefined };
  assert.deepEqual({ ...event(`Info: ${message}`, 'imap-login'), line: undefined }, expected);
  assert.deepEqual({ ...event(`imap-login: Info: ${message}`, 'imap-login'), line: undefined }, expected);
  assert.deepEqual({ ...event(`dovecot: imap-login: ${message}`, 'site'), line: undefined }, expected);
  const ended = { ...event('imap(a)<7><abc>: Disconnected: Logged out in=1 out=2'), line: undefined };
  assert.deepEqual(
    { ...event('Info: Disconnected: Logged out in=1 out=2', 'imap(a)<7><abc>'), line: undefined },
    ended,
  );
});

test('accepts its own lines under any tag, and not those of others', () => {
  const accepts = (program: string | undefined, message: string) =>
    dovecot.accepts(lineOf({ message, at: AT, ...(program === undefined ? {} : { program }) }));
  assert.ok(accepts(undefined, `imap-login: Info: Login: user=<a>, ${ELEMENTS}`));
  assert.ok(accepts(undefined, 'imap(a): Logged out in=1 out=2'));
  assert.ok(accepts(undefined, 'master: Warning: SIGHUP received - reloading configuration'));
  assert.ok(accepts('mail-node-7', `imap-login: Login: user=<a>, ${ELEMENTS}`));
  assert.ok(accepts('dovecot-proxy', 'log: Error: something'));
  assert.ok(accepts('imap(a)<7><abc>', 'Disconnected: Logged out in=1 out=2'));
  assert.ok(!accepts('imap', 'login: host.example.org [198.51.100.7] anna plaintext User logged in'));
  assert.ok(!accepts('sshd', 'Accepted publickey for anna'));
  assert.ok(!accepts(undefined, 'config: reloaded'));
});

test('old processes write their names in capitals', () => {
  const e = event('IMAP(anna): Disconnected: Logged out bytes=12/345');
  assert.equal(e.dataset, 'dovecot.session');
  assert.equal(e.dataset === 'dovecot.session' && e.protocol, 'imap');
});

test('elements of a site: other order, ports, cipher', () => {
  const e = event(
    'imap-login: Login: user=<a b>, session=<H9trPv1gS7XGM2Qe>, method=PLAIN, rip=198.51.100.30, rport=40112, lip=192.0.2.10, lport=993, mpid=7, TLS, TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)',
  );
  assert.ok(e.dataset === 'dovecot.login');
  const { user, session, method, rip, rport, lip, lport, mpid, tls, tlsVersion, tlsCipher, tlsError } = e;
  assert.deepEqual(
    { user, session, method, rip, rport, lip, lport, mpid, tls, tlsVersion, tlsCipher, tlsError },
    {
      user: 'a b',
      session: 'H9trPv1gS7XGM2Qe',
      method: 'PLAIN',
      rip: '198.51.100.30',
      rport: 40112,
      lip: '192.0.2.10',
      lport: 993,
      mpid: 7,
      tls: 'established',
      tlsVersion: 'TLSv1.3',
      tlsCipher: 'TLS_AES_256_GCM_SHA384',
      tlsError: undefined,
    },
  );
});

test('elements of a site: what was negotiated (%k), instead of TLS or beside it, wherever it stands', () => {
  const negotiated = 'TLSv1 with cipher ECDHE-RSA-AES256-SHA (256/256 bits)';
  const session = 'session=<H9trPv1gS7XGM2Qe>';
  for (const elements of [
    `${negotiated}, ${session}`,
    `TLS, ${negotiated}, ${session}`,
    `TLS, ${session}, ${negotiated}`,
    `${negotiated}, TLS, ${session}`,
  ]) {
    const e = event(`imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.30, lip=192.0.2.10, ${elements}`);
    assert.ok(e.dataset === 'dovecot.login');
    assert.deepEqual(
      [e.tls, e.tlsVersion, e.tlsCipher, e.session],
      ['established', 'TLSv1', 'ECDHE-RSA-AES256-SHA', 'H9trPv1gS7XGM2Qe'],
      elements,
    );
  }
  const alert = event(
    `imap-login: Disconnected: user=<>, rip=198.51.100.30, lip=192.0.2.10, TLS: read failed with cipher x, ${session}`,
  );
  assert.deepEqual(alert.dataset === 'dovecot.login' && [alert.tlsVersion, alert.tlsError], [
    undefined,
    'read failed with cipher x',
  ]);
});

test('elements of a site: the session first, as the usual order says the same', () => {
  const session = 'session=<H9trPv1gS7XGM2Qe>';
  const same = (usual: string, own: string): void =>
    assert.deepEqual({ ...event(own), line: undefined }, { ...event(usual), line: undefined }, own);
  same(
    `imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.30, lip=192.0.2.10, mpid=7, TLS, ${session}`,
    `imap-login: Login: ${session}, rip=198.51.100.30, lip=192.0.2.10, user=<anna>, method=PLAIN, mpid=7, TLS`,
  );
  same(
    `imap-login: Disconnected: Connection closed: SSL_accept() failed: x (no auth attempts in 0 secs): user=<>, rip=198.51.100.30, lip=192.0.2.10, TLS handshaking: SSL_accept() failed: x, y, ${session}`,
    `imap-login: Disconnected: Connection closed: SSL_accept() failed: x (no auth attempts in 0 secs): ${session}, rip=198.51.100.30, user=<>, lip=192.0.2.10, TLS handshaking: SSL_accept() failed: x, y`,
  );
  same(
    `imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.30, TLSv1.2 with cipher X (256/256 bits), ${session}`,
    `imap-login: Login: ${session}, TLSv1.2 with cipher X (256/256 bits), rip=198.51.100.30, user=<anna>, method=PLAIN`,
  );
  same(
    `imap-login: ID sent: name=K-9: user=<>, rip=198.51.100.30, ${session}`,
    `imap-login: ID sent: name=K-9: ${session}, rip=198.51.100.30, user=<>`,
  );
});

test('property: with the session first no user name can move what stands before it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(', rip=6.6.6.6', ': session=<AAAAAAAAAAAAAAAA>, rip=6.6.6.6', ''),
      (name, forged) => {
        const text = `imap-login: Login: session=<H9trPv1gS7XGM2Qe>, rip=198.51.100.30, lip=192.0.2.10, user=<${name.replace(/\s/g, '')}${forged}>, method=PLAIN`;
        const e = event(text);
        if (name.includes(': user=<')) return; // the usual order, told by a user
        assert.ok(e.dataset === 'dovecot.login');
        assert.equal(e.rip, '198.51.100.30');
        assert.equal(e.session, 'H9trPv1gS7XGM2Qe');
      },
    ),
  );
  const usual = event(
    'imap-login: Login: user=<a: session=<AAAAAAAAAAAAAAAA>, rip=6.6.6.6>, method=PLAIN, rip=198.51.100.30, lip=192.0.2.10, TLS',
  );
  assert.ok(usual.dataset === 'dovecot.login');
  assert.equal(usual.rip, '198.51.100.30');
  const id = event(
    'imap-login: ID sent: name=x: session=<AAAAAAAAAAAAAAAA>, rip=6.6.6.6: user=<>, rip=198.51.100.30, lip=192.0.2.10',
  );
  assert.ok(id.dataset === 'dovecot.login');
  assert.equal(id.rip, '198.51.100.30');
});

test('no reason ever holds a given password', () => {
  for (const message of [
    'auth: passwd-file(a,198.51.100.30): Password mismatch (given password: s3cret)',
    'auth: passwd-file(a,198.51.100.30): unknown user (given password: s3cret) - trying the next passdb',
    'auth: passwd-file(a,198.51.100.30): Password mismatch (SHA1 of given password: s3cret)',
    'auth: Debug: client in: AUTH 1 PLAIN service=imap resp=s3cret',
    'auth: Debug: client in: CONT 1 s3cret',
    'imap(a)<7><abc>: Debug: auth USER input: a pass=s3cret',
  ]) {
    const e = event(message);
    assert.ok(!e.reason.includes('s3cret'), message);
    assert.ok(!JSON.stringify(dovecot.ecs(e)).includes('s3cret'), message);
  }
});

const NAME = fc.string({ unit: 'grapheme', maxLength: 70 }).filter((name) => !/[\r\n]/.test(name));
const FRAGMENT = fc.constantFrom(
  ...'user=<|>, |rip=|203.0.113.66|, lip=|, session=<|>: |: |)|(|,<|>): |method=PLAIN|TLS: |)<1><a>: '.split('|'),
);
const HOSTILE = fc.oneof(
  NAME,
  fc.array(FRAGMENT, { maxLength: 9 }).map((parts) => parts.join('')),
);

test('property: no user name can move the elements of a login line', () => {
  fc.assert(
    fc.property(HOSTILE, (name) => {
      const e = event(
        `imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 7 secs): user=<${name}>, method=PLAIN, ${ELEMENTS}`,
      );
      assert.ok(e.dataset === 'dovecot.login');
      assert.deepEqual(
        [e.user ?? '', e.method, e.rip, e.lip, e.session, e.end, e.auth, e.attempts],
        [name, 'PLAIN', '198.51.100.30', '192.0.2.10', 'H9trPv1gS7XGM2Qe', 'connection-closed', 'failed', 2],
      );
    }),
    { numRuns: 500 },
  );
});

test('property: no client id can move the elements of its line', () => {
  fc.assert(
    fc.property(HOSTILE, (value) => {
      const e = event(`imap-login: ID sent: name=x, version=${value}: user=<>, ${ELEMENTS}`);
      assert.ok(e.dataset === 'dovecot.login');
      assert.deepEqual(
        [e.action, e.user, e.rip, e.session],
        ['client-id', undefined, '198.51.100.30', 'H9trPv1gS7XGM2Qe'],
      );
    }),
    { numRuns: 500 },
  );
});

test('property: no user name can move the address of an auth line', () => {
  fc.assert(
    fc.property(HOSTILE, (name) => {
      const user = name.slice(0, 60);
      const e = event(`auth: passwd-file(${user},198.51.100.30,<H9trPv1gS7XGM2Qe>): unknown user`);
      assert.ok(e.dataset === 'dovecot.auth');
      assert.deepEqual([e.rip, e.session, e.action], ['198.51.100.30', 'H9trPv1gS7XGM2Qe', 'failure']);
    }),
    { numRuns: 500 },
  );
});

test('property: total on any text behind any process', () => {
  const head = fc.constantFrom(
    '',
    'imap-login: ',
    'imap(',
    'imap(a)<1><b>: ',
    'auth: ',
    'auth(',
    'auth-worker(1): ',
    'master: ',
    'imap-login: proxy(',
  );
  fc.assert(
    fc.property(head, fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), HOSTILE), (start, rest) => {
      dovecot.ecs(event(start + rest));
    }),
    { numRuns: 2000 },
  );
});

test('hostile: a megabyte of any delimiter takes linear time', () => {
  for (const unit of [')<', '): ', '(', ' rip=', ': user=<', ', session=<', ',<', '>', ' in=', "a'b (", 'ID sent: ']) {
    const body = unit.repeat(1_000_000 / unit.length);
    for (const head of [
      'imap-login: Disconnected: ',
      'imap-login: proxy(',
      'imap(',
      'imap(a)<1><b>: Disconnected: ',
      'auth: pam(',
      'auth(',
    ]) {
      const started = cpuMs();
      event(head + body);
      assert.ok(cpuMs() - started < 1000, `${head}${unit}`);
    }
  }
});
