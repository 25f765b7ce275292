import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repairJson } from '../../../processors/parse/json-repair.ts';
import type { ModsecurityEvent } from '../../../processors/parse/modsecurity.ts';
import { modsecurity } from '../../../processors/parse/modsecurity.ts';
import { fixedZone, UTC } from '../../../processors/time.ts';
import { cpuMs } from '../../cpu-time.ts';
import { lineOf } from '../../line.ts';
import { contextOf, recordGolden } from './record-golden.ts';

/**
 * A golden file holds whole transactions, as framing hands them over: a new one begins after a blank line with the boundary of its
 * part A. JSON files have one transaction a line.
 */
function recordsOf(file: string): readonly string[] {
  const parts = file.startsWith('{') ? file.split('\n') : file.split(/\n\n(?=--[-\w]+-A--\n)/);
  return parts.map((text) => text.trimEnd()).filter((text) => text !== '');
}

recordGolden(modsecurity, (file) => recordsOf(file).map((message) => lineOf({ message })));

function eventOf(message: string, zone = UTC): ModsecurityEvent {
  const outcome = modsecurity.parse(lineOf({ message }), contextOf({ zone }));
  return outcome.kind === 'event' ? outcome.event : assert.fail(JSON.stringify(outcome));
}

const serial = (body: string, type = 'application/x-www-form-urlencoded', h = '') =>
  `---abcd1234---A--\n[24/Nov/2026:03:24:12 +0100] 1 203.0.113.9 5 192.0.2.10 443\n---abcd1234---B--\nPOST /t HTTP/1.1\nHost: h\nContent-Type: ${type}\n\n---abcd1234---C--\n${body}\n\n---abcd1234---H--\n${h}\n---abcd1234---Z--`;

test('the serial format says its zone, JSON of v3 does not', () => {
  assert.equal(eventOf(serial(''), fixedZone(-300)).stamp.at, Date.UTC(2026, 10, 24, 2, 24, 12));
  const json = '{"transaction":{"time_stamp":"Tue Nov 24 03:24:12 2026"}}';
  assert.deepEqual(eventOf(json, fixedZone(-300)).stamp, {
    at: Date.UTC(2026, 10, 24, 8, 24, 12),
    precisionMs: 1000,
    zoned: false,
  });
});

test('a user name comes from forms, JSON, XML and Basic authorization, a secret never', () => {
  for (const [body, type, user] of [
    [
      'grant_type=password&password=s3cr3t&username=anna%40example.org',
      'application/x-www-form-urlencoded',
      'anna@example.org',
    ],
    ['client_id=app&login_hint=anna', 'application/x-www-form-urlencoded', 'anna'],
    [
      'grant_type=refresh_token&refresh_token=s3cr3t&client_id=thunderbird',
      'application/x-www-form-urlencoded',
      'thunderbird',
    ],
    ['_user=M%C3%BCller+K&_pass=s3cr3t', 'application/x-www-form-urlencoded', 'Müller K'],
    ['{"login":"anna","password":"s3cr3t"}', 'application/json', 'anna'],
    [
      '{"token":"s3cr3t","auth":{"identity":{"email":"anna@example.org","password":"s3cr3t"}}}',
      'application/json',
      'anna@example.org',
    ],
    [
      '<Autodiscover><Request><EMailAddress>anna@example.org</EMailAddress></Request></Autodiscover>',
      'text/xml',
      'anna@example.org',
    ],
    ['username=eyJhbGciOi', 'application/x-www-form-urlencoded', undefined],
    ['password=s3cr3t', 'application/x-www-form-urlencoded', undefined],
    ['__proto__=x&constructor=y', 'application/x-www-form-urlencoded', undefined],
    ['{"__proto__":{"username":"eve"}}', 'application/json', 'eve'],
    ['{broken', 'application/json', undefined],
    ['\u0000\u0001', 'multipart/form-data', undefined],
  ] as const) {
    const event = eventOf(serial(body, type));
    assert.equal(event.user, user, body);
    const { line: _line, ...rest } = event;
    assert.ok(!JSON.stringify(rest).includes('s3cr3t'), body);
  }
});

test('a body cannot forge a part or a verdict', () => {
  const event = eventOf(
    serial(
      '---abcd1235---H--\nModSecurity: Access denied with code 403 (phase 2). [id "1"] [msg "m"]\n--abcd1234-H--\nAction: Intercepted',
    ),
  );
  assert.equal(event.action, 'detected');
  assert.deepEqual(event.rules, []);
});

test('a denial after very many matches is still seen', () => {
  const many = 'ModSecurity: Warning. [file "f"] [id "920100"] [msg "m"]\n'.repeat(500);
  const event = eventOf(
    serial('', undefined, `${many}ModSecurity: Access denied with code 403 (phase 2). [file "f"] [id "1"] [msg "d"]`),
  );
  assert.equal(event.action, 'blocked');
  assert.equal(event.rules.length, 201);
  assert.equal(event.rules.at(-1)?.id, '1');
});

test('JSON that was cut or not escaped is repaired', () => {
  const whole = '{"transaction":{"id":"a\\"b","n":[1,true,null,{"k":"v"}],"s":"x"},"z":{}}';
  for (let i = 1; i <= whole.length; i++)
    assert.doesNotThrow(() => JSON.parse(repairJson(whole.slice(0, i))), whole.slice(0, i));
  assert.deepEqual(JSON.parse(repairJson('{"a":"\\x0d\u0001\\u12","b":"\\\\"}')), { a: '\\x0d\u0001\\u12', b: '\\' });
});

test('a record cut at any byte gives an event or a failure', () => {
  const v3 = serial(
    'username=anna',
    undefined,
    'ModSecurity: Warning. Matched "Operator `Rx\' against variable `X\' (Value: `1\' ) [file "f"] [id "1"] [msg "m"]',
  );
  const json =
    '{"transaction":{"time_stamp":"Tue Nov 24 03:24:12 2026","request":{"uri":"/?a=b","headers":{"Host":["h"]}},"messages":[{"message":"m","details":{"ruleId":"1","tags":["t"]}}]}}';
  for (const record of [v3, json]) {
    for (let i = 0; i <= record.length; i++) modsecurity.parse(lineOf({ message: record.slice(0, i) }), contextOf());
  }
});

test('mistyped JSON gives an event or a failure', () => {
  const values = ['null', '1', '"x"', '[]', '{}', '[null]', 'true', '{"a":[1]}'];
  for (const key of ['transaction', 'request', 'response', 'audit_data', 'messages']) {
    for (const value of values) {
      const inner = `"time":"24/Nov/2026:03:24:12 +0000","${key}":${value}`;
      for (const text of [
        `{"transaction":{${inner}},"${key}":${value}}`,
        `{"transaction":{${inner},"request":{"headers":${value},"body":${value},"uri":${value}},"messages":[${value},{"details":${value}}]}}`,
      ]) {
        modsecurity.parse(lineOf({ message: text }), contextOf());
      }
    }
  }
});

test('hostile records take linear time', () => {
  const head = '---abcd1234---A--\n[24/Nov/2026:03:24:12 +0100] 1 203.0.113.9 5 192.0.2.10 443\n';
  for (const unit of [
    '---abcd1234---',
    '---abcd1234---H--\n',
    '\n---abcd1234---B--\n',
    ':\n',
    '&',
    'a=b&',
    '[',
    '{"a":',
    '\\',
    '"',
    '%',
  ]) {
    for (const text of [
      head + unit.repeat(100_000),
      serial(unit.repeat(100_000)),
      `{"transaction":${unit.repeat(100_000)}`,
    ]) {
      const started = cpuMs();
      modsecurity.accepts(lineOf({ message: text }));
      modsecurity.parse(lineOf({ message: text }), contextOf());
      assert.ok(cpuMs() - started < 1000, unit);
    }
  }
});
