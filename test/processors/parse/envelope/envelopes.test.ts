import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { container } from '../../../../processors/parse/envelope/container.ts';
import { dovecotFile } from '../../../../processors/parse/envelope/dovecot-file.ts';
import type { Envelope } from '../../../../processors/parse/envelope/envelope.ts';
import { peel } from '../../../../processors/parse/envelope/index.ts';
import { isoSyslog } from '../../../../processors/parse/envelope/iso-syslog.ts';
import { journald } from '../../../../processors/parse/envelope/journald.ts';
import { rfc3164 } from '../../../../processors/parse/envelope/rfc3164.ts';
import { rfc5424 } from '../../../../processors/parse/envelope/rfc5424.ts';
import { tai64n } from '../../../../processors/parse/envelope/tai64n.ts';
import { fixedZone, UTC } from '../../../../processors/time.ts';
import { cpuMs } from '../../../cpu-time.ts';

const context = { zone: UTC, near: Date.UTC(2026, 10, 24) };
const AT = '2026-11-24T03:24:10.000Z';
const LOGIN = 'imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.7';

/** `stamp host program pid |message`, the stamp with `~` when its zone was assumed; `-` for what is not there. */
function brief(e: Pick<Envelope, 'stamp' | 'host' | 'program' | 'pid' | 'message'> | undefined): string {
  if (e === undefined) return 'none';
  const stamp = e.stamp && `${new Date(e.stamp.at).toISOString()}${e.stamp.zoned ? '' : '~'}`;
  return `${stamp ?? '-'} ${e.host ?? '-'} ${e.program ?? '-'} ${e.pid ?? '-'} |${e.message}`;
}

const peeled = (text: string) => brief(peel({ text, offset: 0 }, { index: 0 }, context));

function table(
  name: string,
  read: (text: string) => Envelope | undefined,
  rows: readonly (readonly [string, string])[],
) {
  test(name, () => {
    for (const [text, expected] of rows) assert.equal(brief(read(text)), expected, text);
  });
}

table('rfc3164', (text) => rfc3164(text, context), [
  [`Nov 24 03:24:10 mx1 dovecot: ${LOGIN}`, `${AT}~ mx1 dovecot - |${LOGIN}`],
  [`<22>Nov 24 03:24:10 mx1 dovecot: ${LOGIN}`, `${AT}~ mx1 dovecot - |${LOGIN}`],
  ['Nov  4 03:24:10 mx1 postfix/smtpd[7]: connect', '2026-11-04T03:24:10.000Z~ mx1 postfix/smtpd 7 |connect'],
  ['Nov 4 03:24:10 mx1 haproxy[7]: x', '2026-11-04T03:24:10.000Z~ mx1 haproxy 7 |x'],
  ['Nov 24 03:24:10 dovecot: x', `${AT}~ - dovecot - |x`],
  ['Nov 24 03:24:10 postfix/smtps/smtpd[7]: x', `${AT}~ - postfix/smtps/smtpd 7 |x`],
  ['Nov 24 03:24:10 2001:db8::1 dovecot: x', `${AT}~ 2001:db8::1 dovecot - |x`],
  ['Nov 24 03:24:10 mx1 last message repeated 5 times', `${AT}~ mx1 - - |last message repeated 5 times`],
  ['Nov 24 03:24:10 last message repeated 5 times', `${AT}~ - - - |last message repeated 5 times`],
  ['Nov 24 03:24:10 mx1 -- MARK --', `${AT}~ mx1 - - |-- MARK --`],
  [`Nov 24 03:24:10 mx1 dovecot: message repeated 3 times: [ ${LOGIN}]`, `${AT}~ mx1 dovecot - |${LOGIN}`],
  ['Nov 24 03:24:10 mx1 auth.info sshd[9]: x', `${AT}~ mx1 sshd 9 |x`],
  ['Nov 24 03:24:10 <mail.info> mx1 dovecot: x', `${AT}~ mx1 dovecot - |x`],
  ['Nov 24 03:24:10 <2.6> mx1 dovecot[3]: x', `${AT}~ mx1 dovecot 3 |x`],
  ['Nov 24 2025 03:24:10 fw1 : %ASA-6-113039: x', '2025-11-24T03:24:10.000Z~ fw1 %ASA-6-113039 - |x'],
  ['Nov 24 2025 03:24:10: %ASA-6-113039: x', '2025-11-24T03:24:10.000Z~ - %ASA-6-113039 - |x'],
  ['Nov 24 03:24:10.250 mx1 dovecot: x', '2026-11-24T03:24:10.250Z~ mx1 dovecot - |x'],
  ['Nov 24 03:24:10 mx1 imap(anna b)<7><abc>: Logged out', `${AT}~ mx1 imap(anna b)<7><abc> - |Logged out`],
  ['<22>dovecot: x', '- - dovecot - |x'],
  ['Nov 24 03:24:10 mx1 kernel: [12.5] DROP IN=eth0', `${AT}~ mx1 kernel - |[12.5] DROP IN=eth0`],
  ['Nov 24 03:24:10', `${AT}~ - - - |`],
  ['Nov 24 03:24:10 ', `${AT}~ - - - |`],
  ['Nov 24 03:24:10 mx1 dovecot:', `${AT}~ mx1 dovecot - |`],
  ['Nov 24 03:24:1', 'none'],
  ['Nov 24 03:24:100 mx1 dovecot: x', 'none'],
  ['Nov 31 03:24:10 mx1 dovecot: x', 'none'],
  ['Nov 24 24:24:10 mx1 dovecot: x', 'none'],
  ['Nyv 24 03:24:10 mx1 dovecot: x', 'none'],
  ['<b>Nov</b>', 'none'],
  ['', 'none'],
]);

test('rfc3164: the year is the one nearest to what the source said last, on both sides of New Year', () => {
  const year = (text: string, near: number) =>
    new Date(rfc3164(text, { zone: UTC, near })?.stamp?.at ?? 0).getUTCFullYear();
  const newYear = Date.UTC(2027, 0, 1);
  for (let i = 0; i < 2; i++) {
    assert.equal(year('Dec 31 23:59:59 mx1 a: x', newYear - 1000), 2026);
    assert.equal(year('Jan  1 00:00:00 mx1 a: x', newYear - 1000), 2027);
    assert.equal(year('Dec 31 23:59:59 mx1 a: x', newYear + 5000), 2026);
    assert.equal(year('Feb 29 12:00:00 mx1 a: x', newYear), 2028);
    assert.equal(year('Feb 29 12:00:00 mx1 a: x', Date.UTC(2025, 5, 1)), 2024);
  }
});

test('rfc3164: what was read before changes nothing', () => {
  const stamp = fc.record({
    text: fc.constantFrom(
      'Nov 24 03:24:10',
      'Jul  1 12:00:00',
      'Dec 31 23:59:59',
      'Feb 29 01:02:03',
      'Nov 24 2024 03:24:10',
    ),
    near: fc.integer({ min: Date.UTC(2019, 0), max: Date.UTC(2032, 0) }),
    minutes: fc.constantFrom(0, 60, -330),
  });
  const zones = new Map([0, 60, -330].map((m) => [m, fixedZone(m)]));
  const read = (s: { text: string; near: number; minutes: number }, zone = zones.get(s.minutes)) =>
    rfc3164(`${s.text} mx1 dovecot: x`, { zone: zone ?? UTC, near: s.near });
  fc.assert(
    fc.property(fc.array(stamp, { maxLength: 12 }), (stamps) => {
      for (const s of stamps) {
        const warm = read(s);
        rfc3164('Jan  1 00:00:00 x y: z', { zone: UTC, near: 0 });
        assert.deepEqual(warm, read(s));
        // A zone that no memo knows.
        assert.deepEqual(warm, read(s, fixedZone(s.minutes)));
      }
    }),
  );
});

table('rfc5424', (text) => rfc5424(text, context), [
  [`<22>1 2026-11-24T03:24:10Z mx1 dovecot 7 - - ${LOGIN}`, `${AT} mx1 dovecot 7 |${LOGIN}`],
  ['<22>1 2026-11-24T04:24:10.123456+01:00 mx1 dovecot - ID1 - x', '2026-11-24T03:24:10.123Z mx1 dovecot - |x'],
  ['<22>1 2026-11-24T03:24:10Z mx1 a 7 - [id@1 k="v"][b c="\\"\\]"] x', `${AT} mx1 a 7 |x`],
  ['<22>1 2026-11-24T03:24:10Z mx1 a 7 - [id k="v"]', `${AT} mx1 a 7 |`],
  ['<22>1 2026-11-24T03:24:10Z mx1 a 7 - - \ufeffx', `${AT} mx1 a 7 |x`],
  ['<22>1 - - - - - - x', '- - - - |x'],
  ['1 2026-11-24T03:24:10Z mx1 a 7 - - x', `${AT} mx1 a 7 |x`],
  ['<22>1 2026-11-24T03:24:10Z mx1 a seven - - x', `${AT} mx1 a - |x`],
  // A forged end of structured data stays inside its quotes; what does not end is text.
  ['<22>1 2026-11-24T03:24:10Z mx1 a - - [id k="] forged"] x', `${AT} mx1 a - |x`],
  ['<22>1 2026-11-24T03:24:10Z mx1 a - - [id k="x', `${AT} mx1 a - |[id k="x`],
  ['<22>1 2026-11-24T03:24:10Z mx1 a', 'none'],
  ['<22>1 2026-13-24T03:24:10Z mx1 a - - - x', 'none'],
  ['<x>1 2026-11-24T03:24:10Z mx1 a - - - x', 'none'],
]);

table('ISO syslog', (text) => isoSyslog(text, context), [
  [`2026-11-24T04:24:10.123456+01:00 mx1 dovecot: ${LOGIN}`, `2026-11-24T03:24:10.123Z mx1 dovecot - |${LOGIN}`],
  ['2026-11-24T04:24:10+0100 mx1 dovecot[7]: x', `${AT} mx1 dovecot 7 |x`],
  ['2026-11-24T03:24:10 mx1 dovecot: x', `${AT}~ mx1 dovecot - |x`],
  ['2026-11-24 03:24:10 mx1 dovecot: x', `${AT}~ mx1 dovecot - |x`],
  ['2026-11-24 03:24:10 mx1 own-daemon[7]: x', `${AT}~ mx1 own-daemon 7 |x`],
  ['2026-11-24 04:24:10 +0100 mx1 own: x', `${AT} mx1 own - |x`],
  ['<22>2026-11-24T03:24:10Z mx1 postfix/smtpd[7]: x', `${AT} mx1 postfix/smtpd 7 |x`],
  ['2026-11-24T03:24:10Z dovecot: x', `${AT} - dovecot - |x`],
  ['2026-11-24T03:24:10.5Z some words', '2026-11-24T03:24:10.500Z - - - |some words'],
  ['Tue 2026-11-24 03:24:10 UTC mx1 dovecot[7]: x', `${AT} mx1 dovecot 7 |x`],
  ['Tue 2026-11-24 03:24:10 CET mx1 dovecot[7]: x', `${AT}~ mx1 dovecot 7 |x`],
  // Programs' own files, whose parsers read the stamp.
  ['2026-11-24 03:24:05 library versions: OpenSSL 3.0', 'none'],
  ['2026-11-24 03:24:05 laptop-01/192.0.2.7:53952 SIGTERM[soft,remote-exit] received', 'none'],
  ['2026-11-24 03:24:10,272 fail2ban.actions        [123]: NOTICE  [dovecot] Ban 192.0.2.1', 'none'],
  ['2026-11-24 03:24:10,272 fail2ban.actions[123]: NOTICE', 'none'],
  ['2026-11-24 03:28:44.719,2026-11-24 03:28:51.109,6.390,6', 'none'],
  ['2026-11-24T03:24', 'none'],
  ['2026-02-29T03:24:10Z mx1 a: x', 'none'],
]);

const entry = (fields: object) => JSON.stringify({ __REALTIME_TIMESTAMP: '1795490650123456', ...fields });

table('journald', journald, [
  [
    entry({ SYSLOG_IDENTIFIER: 'dovecot', _PID: '7', _HOSTNAME: 'mx1', MESSAGE: 'x' }),
    '2026-11-24T03:24:10.123Z mx1 dovecot 7 |x',
  ],
  [
    entry({ _COMM: 'haproxy', SYSLOG_PID: '8', MESSAGE: [120, 255, 121] }),
    '2026-11-24T03:24:10.123Z - haproxy 8 |x\ufffdy',
  ],
  [entry({ SYSLOG_IDENTIFIER: ['a', 'b'], MESSAGE: null }), '2026-11-24T03:24:10.123Z - b - |'],
  [entry({ MESSAGE: [300, 'x'], _PID: '-1' }), '2026-11-24T03:24:10.123Z - - - |x'],
  ['{"__REALTIME_TIMESTAMP":"x","MESSAGE":"y"}', 'none'],
  ['{"__REALTIME_TIMESTAMP":"1e300","MESSAGE":"y"}', 'none'],
  ['{"__REALTIME_TIMESTAMP":"1795490650123456","MESSAGE":"y"', 'none'],
  ['{"__proto__":{"__REALTIME_TIMESTAMP":"1795490650123456"}}', 'none'],
]);

table('container', container, [
  [
    '{"log":"Nov 24 03:24:10 mx1 dovecot: x\\n","stream":"stdout","time":"2026-11-24T03:24:10.123456789Z"}',
    '2026-11-24T03:24:10.123Z - - - |Nov 24 03:24:10 mx1 dovecot: x',
  ],
  ['2026-11-24T03:24:10.123456789Z stdout F x y', '2026-11-24T03:24:10.123Z - - - |x y'],
  ['2026-11-24T04:24:10.123456789+01:00 stderr P x', '2026-11-24T03:24:10.123Z - - - |x'],
  ['2026-11-24T03:24:10Z stdout F', `${AT} - - - |`],
  ['2026-11-24T03:24:10Z stdout X x', 'none'],
  ['2026-11-24 03:24:10 stdout F x', 'none'],
  ['{"log":1,"time":"2026-11-24T03:24:10Z"}', 'none'],
  ['{"log":"x","time":"yesterday"}', 'none'],
  ['{"log":"x"', 'none'],
]);

table('Dovecot’s own file', (text) => dovecotFile(text, context), [
  ['Nov 24 03:24:10 imap-login: Info: Login: user=<anna>', `${AT}~ - dovecot - |imap-login: Login: user=<anna>`],
  ['2026-11-24 03:24:10 imap-login: Info: Login: user=<anna>', `${AT}~ - dovecot - |imap-login: Login: user=<anna>`],
  ['Nov 24 03:24:10 imap(anna b)<7><abc>: Warning: slow', `${AT}~ - dovecot - |imap(anna b)<7><abc>: Warning: slow`],
  ['Nov 24 03:24:10 imap(anna): Info: Logged out', `${AT}~ - dovecot - |imap(anna): Logged out`],
  ['Nov 24 03:24:10 master: Warning: SIGHUP received', `${AT}~ - dovecot - |master: Warning: SIGHUP received`],
  ['dovecot: Nov 24 03:24:10 Info: imap-login: Login: user=<a>', `${AT}~ - dovecot - |imap-login: Login: user=<a>`],
  ['Nov 24 03:24:10 mx1 dovecot: imap-login: Info: x', 'none'],
  ['Nov 24 03:24:10 own-daemon: Info: x', 'none'],
  ['Nov 24 03:24:10 imap-login: Login: user=<anna>', 'none'],
  ['dovecot: imap-login: Info: x', 'none'],
]);

table('TAI64N', tai64n, [
  // Labels run ten seconds ahead of UTC.
  [`@40000000${(1795490650 + 10).toString(16)}1dcd6500 x`, '2026-11-24T03:24:10.500Z - - - |x'],
  ['@400000006b04e69a x', 'none'],
  ['@40000000zzzzzzzz1dcd6500 x', 'none'],
]);

test('one envelope inside another: the inner one says who, the stamp that knows its zone says when', () => {
  assert.equal(
    peeled('{"log":"Nov 24 04:24:09 mx1 dovecot: x\\n","stream":"stdout","time":"2026-11-24T03:24:10.1Z"}'),
    '2026-11-24T03:24:10.100Z mx1 dovecot - |x',
  );
  assert.equal(
    peeled('2026-11-24T03:24:10.1Z stdout F <22>1 2026-11-24T03:24:10.05Z mx1 a 7 - - x'),
    '2026-11-24T03:24:10.050Z mx1 a 7 |x',
  );
  assert.equal(peeled('Nov 24 03:24:11 relay Nov 24 03:24:10 mx1 dovecot: x'), `${AT}~ mx1 dovecot - |x`);
  assert.equal(
    peeled('2026-11-24T03:24:10.1Z stdout F 2026/11/24 03:24:10 [error] 1#1: x'),
    '2026-11-24T03:24:10.100Z - - - |2026/11/24 03:24:10 [error] 1#1: x',
  );
  assert.equal(
    peeled('2026-11-24T03:24:10.1Z stdout F 2026-11-24T03:24:10Z stdout F 2026-11-24T03:24:10Z stdout F x'),
    `${AT} - - - |2026-11-24T03:24:10Z stdout F x`,
  );
});

test('records without an envelope stay whole', () => {
  for (const text of [
    '198.51.100.30 - - [24/Nov/2026:03:24:10 +0000] "GET / HTTP/1.1" 200 2 "-" "-"',
    '2026/11/24 03:24:04 [notice] 150#150: nginx/1.22.1',
    '2026-11-24 03:24:05 Note: Kernel support for ovpn-dco missing',
    'Tue Nov 24 03:24:05 2026 Initialization Sequence Completed',
    '[Tue Nov 24 03:24:12.067990 2026] [security2:error] [pid 1:tid 2] x',
    'TIME,2026-11-24 03:24:16,1795490656',
    '---MiEq9p7y---A--\n[24/Nov/2026:03:24:12 +0000] 17 198.51.100.30',
    '{"transaction":{"client_ip":"198.51.100.30"}}',
    '',
  ])
    assert.equal(peeled(text), `- - - - |${text}`);
});

test('a partial container line is marked, unless framing knows worse', () => {
  const partial = '2026-11-24T03:24:10Z stdout P x';
  assert.equal(peel({ text: partial, offset: 0 }, { index: 0 }, context).flaw, 'incomplete');
  assert.equal(peel({ text: partial, offset: 0, flaw: 'truncated' }, { index: 0 }, context).flaw, 'truncated');
});

const HEADS = [
  'Nov 24 03:24:10 ',
  '<22>',
  '<22>1 2026-11-24T03:24:10Z ',
  '2026-11-24T03:24:10.1+01:00 ',
  '2026-11-24 03:24:10 ',
  '2026-11-24T03:24:10Z stdout F ',
  '{"__REALTIME_TIMESTAMP":"1795490650123456","MESSAGE":',
  '{"log":"',
  '@400000006b04e6a41dcd6500 ',
  'dovecot: Nov 24 03:24:10 ',
  'Tue 2026-11-24 03:24:10 UTC ',
];

test('peel is total: any text, behind any head, cut anywhere', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.string({ maxLength: 80 }));
  fc.assert(
    fc.property(fc.constantFrom('', ...HEADS), fc.constantFrom('', ...HEADS), text, fc.nat(60), (a, b, rest, cut) => {
      for (const whole of [a + b + rest, (a + b + rest).slice(0, cut)]) {
        const line = peel({ text: whole, offset: 5 }, { index: 3 }, context);
        assert.equal(line.raw, whole);
        assert.ok(line.stamp === undefined || Number.isFinite(line.stamp.at));
        assert.ok(line.pid === undefined || Number.isSafeInteger(line.pid));
      }
    }),
    { numRuns: 3000 },
  );
});

test('hostile lines of 1 MB take linear time', () => {
  for (const head of HEADS) {
    for (const piece of ['(', '[', ' ', ':', ': ', '<', 'a=', '\\"', '[a b="', '{"a":', '>: ', '): Info', '9', '-']) {
      const text = head + piece.repeat(Math.ceil(1_000_000 / piece.length));
      const from = cpuMs();
      peel({ text, offset: 0 }, { index: 0 }, context);
      assert.ok(cpuMs() - from < 250, `${head}${piece}…`);
    }
  }
});
