import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { choosePayloads, payloadsOf } from '../../../models/waf/attack-choice.ts';
import { readAttackTests } from '../../../models/waf/attack-corpus.ts';
import { headerOf, messageOf, plainMessage, wireText, withHeader } from '../../../models/waf/http-message.ts';
import { lookAlikes } from '../../../models/waf/look-alike.ts';
import { plant } from '../../../models/waf/plant.ts';
import { requestPart } from '../../../models/waf/target.ts';

const NO_LINE = { method: null, path: null, query: null };
const SERIAL = `---MiEq9p7y---A--
[24/Nov/2026:03:24:12 +0000] 1 198.51.100.30 50209 192.0.2.10 443
---MiEq9p7y---B--
POST /login?a=1 HTTP/1.1
Host: webmail.example.org
Content-Length: 23
Connection: close
Cookie: sid=[secret:16-31:AbCdEfGhIj]

---MiEq9p7y---C--
user=anna&pass=a%20b--c

---MiEq9p7y---H--
ModSecurity: Warning.

---MiEq9p7y---Z--
`;

describe('a logged request', () => {
  test('is read from a serial audit log with its body', () => {
    const m = messageOf(SERIAL, NO_LINE) ?? assert.fail();
    assert.equal(m.method, 'POST');
    assert.equal(m.uri, '/login?a=1');
    assert.equal(m.body, 'user=anna&pass=a%20b--c');
    assert.equal(headerOf(m, 'host'), 'webmail.example.org');
    assert.equal(headerOf(m, 'content-length'), undefined, 'written anew');
    assert.ok(headerOf(m, 'user-agent'), 'what every client sends is added');
  });

  test('is read from JSON of v2, v3 and Coraza, and from the line of an error log', () => {
    const v3 = JSON.stringify({
      transaction: { request: { method: 'PUT', uri: '/x?y=z', headers: { Host: 'h', 'X-A': 'b' }, body: 'q=1' } },
    });
    const v2 = JSON.stringify({
      transaction: {},
      request: { request_line: 'POST /v2 HTTP/1.1', headers: { Host: 'h' }, body: ['a=', 'b'] },
    });
    const coraza = JSON.stringify({
      transaction: { request: { method: 'GET', uri: '/c', headers: { host: ['h'], __proto__x: ['y'] }, body: '' } },
    });
    assert.deepEqual(
      [v3, v2, coraza].map((r) => {
        const m = messageOf(r, NO_LINE) ?? assert.fail(r);
        return [m.method, m.uri, headerOf(m, 'host'), m.body];
      }),
      [
        ['PUT', '/x?y=z', 'h', 'q=1'],
        ['POST', '/v2', 'h', 'a=b'],
        ['GET', '/c', 'h', ''],
      ],
    );
    assert.equal(messageOf('2026/11/24 …', { method: 'GET', path: '/p', query: 'q=1' })?.uri, '/p?q=1');
    assert.equal(messageOf('2026/11/24 …', NO_LINE), undefined);
  });

  test('goes over the wire as one request, or not at all', () => {
    assert.equal(
      wireText({ method: 'POST', uri: '/x', headers: [['Host', 'h']], body: 'ü' }),
      'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nü',
    );
    for (const m of [
      { ...plainMessage('GET', '/a b') },
      { ...plainMessage('GET', '/a\r\nX: y') },
      { ...plainMessage('GET /', '/') },
      withHeader(plainMessage('GET', '/'), 'X', 'a\r\nHost: b'),
      withHeader(plainMessage('GET', '/'), 'X y', 'a'),
    ])
      assert.equal(wireText(m), undefined);
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (uri, name, value) => {
          const text = wireText(withHeader(plainMessage('GET', `/${uri}`), name, value));
          assert.ok(text === undefined || /^[^\r\n]+\r\n(?:[^\r\n\0]*\r\n)+\r\n$/.test(text));
        },
      ),
    );
  });
});

describe('planting', () => {
  const get = plainMessage('GET', '/p');
  const post = plainMessage('POST', '/p');
  const value = "a' b&c=1";
  test('puts a value where the rule looked', () => {
    assert.equal(plant(get, 'ARGS:q', value)?.uri, "/p?q=a'%20b%26c%3D1");
    assert.equal(plant(post, 'ARGS:q', value)?.body, "q=a'%20b%26c%3D1");
    assert.equal(plant({ ...post, uri: '/p?q=old&r=2' }, 'ARGS:q', 'new')?.uri, '/p?r=2&q=new');
    assert.equal(plant({ ...post, body: 'q=old&r=2' }, 'ARGS:q', 'new')?.body, 'r=2&q=new');
    assert.equal(headerOf(plant(get, 'REQUEST_HEADERS:user-agent', 'x') ?? get, 'User-Agent'), 'x');
    assert.equal(
      headerOf(plant(withHeader(get, 'Cookie', 'a=1; sid=2'), 'REQUEST_COOKIES:sid', 'x') ?? get, 'Cookie'),
      'a=1; sid=x',
    );
    assert.equal(plant({ ...get, uri: '/p?old' }, 'QUERY_STRING', 'x=<y> z')?.uri, '/p?x=<y>%20z');
    assert.equal(
      plant(withHeader(post, 'Content-Type', 'application/json'), 'ARGS:json.a.b', 'x"')?.body,
      '{"a":{"b":"x\\""}}',
    );
    assert.match(plant(get, 'XML:/*', '<x>')?.body ?? '', /&lt;x>/);
    assert.equal(plant(get, 'REQUEST_BODY', 'raw')?.method, 'POST');
  });
  test('and not where it would leave the place or break the request', () => {
    for (const target of ['REQUEST_FILENAME', 'ARGS_NAMES:x', 'FILES', 'TX:0', 'ARGS', ''])
      assert.equal(plant(get, target, 'x'), undefined, target);
    assert.equal(plant(get, 'REQUEST_HEADERS:X', 'a\r\nb'), undefined);
    assert.equal(plant(get, 'REQUEST_COOKIES:x', 'a;b'), undefined);
  });
  test('whatever the value, what is planted can be sent', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('ARGS:q', 'QUERY_STRING', 'REQUEST_URI', 'REQUEST_BODY', 'XML:/*'),
        (text, target) => {
          assert.ok(wireText(plant(post, target, text) ?? assert.fail()) !== undefined);
        },
      ),
    );
  });
});

test('a variable that a chain kept stands for the part of the request', () => {
  assert.equal(requestPart('TX:rfi_parameter_ARGS:redirect_uri'), 'ARGS:redirect_uri');
  assert.equal(requestPart('TX:ANOMALY_SCORE'), 'TX:ANOMALY_SCORE');
  assert.equal(requestPart('ARGS:TX:x_ARGS:y'), 'ARGS:TX:x_ARGS:y');
});

test('look-alikes keep length and matched bytes, and are the same on every run', () => {
  const match = { value: null, matched: '--', valueLength: 60, pattern: null };
  const made = lookAlikes(match, 'a');
  assert.deepEqual(lookAlikes(match, 'a'), made);
  assert.notDeepEqual(lookAlikes(match, 'b'), made);
  assert.ok(made.some((v) => v.length === 60 && v.includes('--')));
  const cut = lookAlikes({ value: 'abc_', matched: null, valueLength: 254, pattern: null }, 'a');
  assert.equal(cut[0], 'abc_');
  assert.match(cut[1] ?? '', /^abc_[A-Za-z0-9_-]{250}$/);
  assert.ok(
    lookAlikes({ value: null, matched: null, valueLength: 1e9, pattern: null }, 'a').every((v) => v.length < 20_000),
  );
});

describe('the attack corpus', () => {
  const file = {
    rule_id: 942100,
    tests: [
      {
        test_id: 1,
        stages: [
          { input: { uri: '/?var=1%27+or+1=1', headers: { Host: 'h' } }, output: { log: { expect_ids: [942100] } } },
        ],
      },
      { test_id: 2, stages: [{ input: { uri: '/' }, output: { log: { no_expect_ids: [942100] } } }] },
      {
        test_id: 3,
        stages: [
          {
            input: { method: 'POST', data: 'a=x;y&b=', headers: { Cookie: 'c=evil; d=2' } },
            output: { log: { expect_ids: [1] } },
          },
        ],
      },
      { test_id: 4, stages: [{ input: { encoded_request: 'AAAA' }, output: { log: { expect_ids: [1] } } }] },
      {
        test_title: '942100-5',
        stages: [{ stage: { input: { uri: '/a b' }, output: { log_contains: 'id "942100"' } } }],
      },
    ],
  };
  test('takes the tests that expect a match, with the values in them', () => {
    const tests = readAttackTests(file);
    assert.deepEqual(
      tests.map((t) => [t.id, t.message.method, t.message.uri, t.payloads]),
      [
        ['942100-1', 'GET', '/?var=1%27+or+1=1', ["1' or 1=1"]],
        ['942100-3', 'POST', '/', ['x;y', 'evil', '2']],
        ['942100-5', 'GET', '/a%20b', []],
      ],
    );
  });
  test('any document gives tests or none', () => {
    fc.assert(fc.property(fc.anything(), (document) => void readAttackTests(document)));
    fc.assert(
      fc.property(
        fc.anything(),
        (input) => void readAttackTests({ tests: [{ stages: [{ input, output: { log: { expect_ids: [1] } } }] }] }),
      ),
    );
  });
  test('of many values those of the rule and its kind come first, half of the room is for others', () => {
    const payload = (rule: string, value: string) => ({ test: `${rule}-1`, rule, value });
    const all = [
      ...Array.from({ length: 20 }, (_, i) => payload('942190', `kin${i}`)),
      ...Array.from({ length: 20 }, (_, i) => payload('941100', `far${i}`)),
      payload('942100', 'own'),
    ];
    const chosen = choosePayloads(all, '942100', 10).map((p) => p.value);
    assert.equal(chosen[0], 'own');
    assert.equal(chosen.filter((v) => v.startsWith('far')).length, 5);
    assert.equal(new Set(chosen).size, 10);
    assert.equal(choosePayloads(all, '942100', 1000).length, all.length);
    assert.equal(payloadsOf(readAttackTests(file)).length, 4);
  });
});
