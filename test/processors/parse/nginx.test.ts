import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nginxAccess, nginxError } from '../../../processors/parse/nginx.ts';
import { parseZone } from '../../../processors/time.ts';
import { cpuMs } from '../../cpu-time.ts';
import { lineOf } from '../../line.ts';
import { contextOf, recordGolden } from './record-golden.ts';

const lines = (file: string) =>
  file
    .split('\n')
    .filter((text) => text !== '')
    .map((message) => lineOf({ message }));

recordGolden(nginxAccess, lines);
recordGolden(nginxError, lines);

test("the error log's time is read in the zone of the source", () => {
  const zone = parseZone('-05:00') ?? assert.fail();
  const outcome = nginxError.parse(lineOf({ message: '2026/11/24 03:24:04 [notice] 1#1: exit' }), contextOf({ zone }));
  assert.equal(outcome.kind, 'event');
  if (outcome.kind !== 'event') return;
  assert.deepEqual(outcome.event.stamp, { at: Date.UTC(2026, 10, 24, 8, 24, 4), precisionMs: 1000, zoned: false });
});

test("an Apache line behind syslog takes the envelope's time", () => {
  const at = Date.UTC(2026, 10, 24, 3, 24, 4);
  const message =
    '[security2:error] [pid 7:tid 8] [client 203.0.113.9:555] ModSecurity: Warning. Found 1 byte(s) in ARGS:x outside range: 1-255. [id "920270"] [msg "m"]';
  const line = lineOf({ message, program: 'httpd', at });
  assert.ok(nginxError.accepts(line));
  const outcome = nginxError.parse(line, contextOf());
  assert.ok(outcome.kind === 'event' && outcome.event.dataset === 'modsecurity.error');
  assert.equal(outcome.event.stamp.at, at);
  assert.equal(outcome.event.clientIp, '203.0.113.9');
  assert.equal(outcome.event.clientPort, 555);
  assert.equal(outcome.event.rules[0]?.variable, 'ARGS:x');
});

test('no secret of a request stays in an event', () => {
  const secrets = ['hunter2', 's3cr3t', 'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0'];
  for (const secret of secrets) {
    for (const query of [
      `a=1&Password=${secret}&b=2`,
      `pass%77ord=${secret}`,
      `x=%2Fcb%3Ftoken%3D${secret}`,
      `;access_token=${secret}`,
    ]) {
      const access = `203.0.113.9 - - [24/Nov/2026:03:24:20 +0000] "GET /p;jsessionid=${secret}?${query} HTTP/1.1" 200 1 "-" "x token=${secret}"`;
      const error = `2026/11/24 03:31:16 [error] 1#1: *1 upstream password=${secret} timed out, client: 203.0.113.28, server: w, request: "GET /?${query} HTTP/1.1", host: "h"`;
      for (const outcome of [
        nginxAccess.parse(lineOf({ message: access }), contextOf()),
        nginxError.parse(lineOf({ message: error }), contextOf()),
      ]) {
        assert.equal(outcome.kind, 'event');
        if (outcome.kind !== 'event') continue;
        const { line: _line, ...event } = outcome.event;
        assert.ok(!JSON.stringify(event).includes(secret), JSON.stringify(event));
      }
    }
  }
});

test('a user name cannot forge the time or the request', () => {
  const message =
    '203.0.113.9 - eve [01/Jan/2001:00:00:00 +0000] \\x22GET /forged HTTP/1.1\\x22 200 [24/Nov/2026:03:24:20 +0000] "GET /real HTTP/1.1" 401 1 "-" "-"';
  const outcome = nginxAccess.parse(lineOf({ message }), contextOf());
  assert.ok(outcome.kind === 'event');
  assert.equal(outcome.event.path, '/real');
  assert.equal(outcome.event.stamp.at, Date.UTC(2026, 10, 24, 3, 24, 20));
});

test('lines of others are not accepted', () => {
  for (const message of [
    '',
    'x',
    '[',
    '2026/11/24',
    'Nov 24 03:24:10 mx1 dovecot: imap-login: x',
    '{"msg":"x"}',
    '[ 12.3] eth0: up',
  ]) {
    assert.ok(!nginxAccess.accepts(lineOf({ message })), message);
    assert.ok(!nginxError.accepts(lineOf({ message })), message);
  }
  const clf = '203.0.113.9 - - [24/Nov/2026:03:24:20 +0000] "GET / HTTP/1.1" 200 1 "" "" 1 1 "f" "b" "s"';
  assert.ok(!nginxAccess.accepts(lineOf({ message: clf, program: 'haproxy' })));
});

test('hostile lines take linear time and never throw', () => {
  const heads = [
    '203.0.113.9 - - [24/Nov/2026:03:24:20 +0000] "GET /',
    '2026/11/24 03:31:16 [error] 1#1: *1 ',
    "2026/11/24 03:31:16 [error] 1#1: *1 ModSecurity: Warning. Matched against variable `X' (Value: `",
    '[Tue Nov 24 03:24:12 2026] [error] [client 198.51.100.30] ModSecurity: [id "1"] ',
    '[client "203.0.113.9"] Coraza: ',
    '',
  ];
  const units = [
    '] "',
    '\\',
    '&',
    '=',
    '%3D',
    '[id "',
    '"] ',
    ', client: ',
    '"], client: ',
    '[',
    '\' ) [file "',
    'Bearer ',
    '%',
    '"',
  ];
  for (const head of heads) {
    for (const unit of units) {
      const started = cpuMs();
      const line = lineOf({ message: head + unit.repeat(100_000), at: 0 });
      for (const parser of [nginxAccess, nginxError]) {
        parser.accepts(line);
        parser.parse(line, contextOf());
      }
      assert.ok(cpuMs() - started < 500, head + unit);
    }
  }
});
