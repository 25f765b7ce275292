/** Which way of framing the beginning of an input calls for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectFraming } from '../../../ingest/framing/detect.ts';

const cases: readonly (readonly [string, string, string])[] = [
  ['line', 'nothing', ''],
  ['line', 'syslog', 'Nov 24 03:24:25 mail dovecot: imap-login: Login: user=<anna>\n'],
  [
    'line',
    'a bracket that is no JSON',
    '[24/Nov/2026:03:24:12 +0000] "GET / HTTP/1.1"\n[Tue Nov 24 03:24:12 2026] [error] x\n',
  ],
  ['line', 'an Apache error log with braces', '[{worker 3}] started\n'],
  ['line', 'JSON lines', '{"a":1}\n{"b":{"c":[1]}}\n'],
  ['line', 'JSON lines whose first is cut short', '{"a":{"b":1\n{"a":{"b":2}}\n'],
  ['line', 'JSON lines whose first ends in a string', '{"a":"x\n{"a":"y"}\n'],
  ['line', 'JSON lines whose first ends in a comma', '{"a":1,\n{"a":1,"b":2}\n'],
  ['line', 'one long object', `{"a":"${'x'.repeat(70_000)}`],
  ['line', 'an object with an array of objects beside other keys', '{"messages":[{"a":1}],"transaction":{}}\n'],
  ['line', 'a brace that is no JSON', '{worker} started\n'],
  ['line', 'a mail body with dashes', 'text\n--\nsignature\n------WebKitFormBoundaryabc--\n'],
  ['modsecurity-audit', 'v2', '--0badcafe-A--\n[24/Nov/2026:03:24:12 +0000] x\n'],
  [
    'modsecurity-audit',
    'v3, with a carriage return and a blank first line',
    '\n---MiEq9p7y---A--\r\n[24/Nov/2026:03:24:12 +0000] x\r\n',
  ],
  ['modsecurity-audit', 'begun by rotation', 'rest of a body\n\n--0badcafe-H--\nMessage: x\n\n--0badcafe-Z--\n'],
  ['json-array', 'an array', '[{"a":1},\n{"b":2}]\n'],
  ['json-array', 'an array, pretty-printed', '[\n  {\n    "a": 1\n  }\n]\n'],
  ['json-array', 'an empty array', '[ ]\n'],
  ['json-array', 'one line that is longer than what is seen', `[{"a":"${'x'.repeat(70_000)}`],
  ['json-array', 'a wrapper on one line', '{"records":[{"a":1},{"b":2}]}\n'],
  ['json-array', 'a wrapper longer than what is seen', `{ "Records": [ {"a":"${'x'.repeat(70_000)}`],
  ['json-array', 'a wrapper, pretty-printed', '{\n  "records": [\n    {\n      "a": 1\n    }\n  ]\n}\n'],
  ['json-array', 'an object, pretty-printed', '{\n\t"transaction": {\n'],
  ['json-array', 'an object over lines without indentation', '{"a":1,\n"b":2}\n'],
  ['json-array', 'objects without newlines between them', '{"a":1}{"b":2}\n'],
];

for (const [framing, what, head] of cases) {
  test(`${framing}: ${what}`, () => assert.equal(detectFraming(head), framing));
}
