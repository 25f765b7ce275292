import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Exclusion, safeTarget, writeExclusions } from '../../../models/waf/exclusion.ts';

const OPTIONS = { engine: 'modsecurity3', firstId: 97_000, title: 'imapwhy' } as const;
const exclusion = (more: Partial<Exclusion> = {}): Exclusion => ({
  place: { rule: '942190', path: '/oauth2/token', target: 'ARGS:refresh_token' },
  scope: 'target',
  methods: ['POST'],
  expires: null,
  remarks: [],
  ...more,
});
const written = (more: Partial<Exclusion> = {}) => writeExclusions([exclusion(more)], OPTIONS);
const place = (path: string, target = 'ARGS:body') => ({ rule: '942190', path, target });
const directives = (text: string): string =>
  text
    .split('\n')
    .filter((l) => !l.startsWith('#') && l !== '')
    .join('\n');

describe('an exclusion', () => {
  test('is of one rule, one target and one path, and ends by itself', () => {
    assert.equal(
      directives(written().before),
      'SecRule REQUEST_FILENAME "@streq /oauth2/token" \\\n    "id:97000,phase:1,pass,t:none,nolog,ctl:ruleRemoveTargetById=942190;ARGS:refresh_token"',
    );
    assert.equal(
      directives(written({ expires: Date.UTC(2027, 2, 1) }).before),
      'SecRule REQUEST_FILENAME "@streq /oauth2/token" \\\n    "id:97000,phase:1,pass,t:none,nolog,chain"\n' +
        '    SecRule TIME_EPOCH "@lt 1803859200" \\\n        "t:none,ctl:ruleRemoveTargetById=942190;ARGS:refresh_token"',
    );
  });

  test('with scope path switches the rule off for the methods that were seen', () => {
    assert.equal(
      directives(written({ scope: 'path' }).before),
      'SecRule REQUEST_FILENAME "@streq /oauth2/token" \\\n    "id:97000,phase:1,pass,t:none,nolog,chain"\n' +
        '    SecRule REQUEST_METHOD "@rx ^(?:POST)\\z" \\\n        "t:none,ctl:ruleRemoveById=942190"',
    );
  });

  test('everywhere only on demand, in a file of its own', () => {
    assert.equal(
      directives(written({ scope: 'target-everywhere' }).after),
      'SecRuleUpdateTargetById 942190 "!ARGS:refresh_token"',
    );
    assert.equal(directives(written({ scope: 'target-everywhere' }).before), '');
    assert.equal(directives(written({ scope: 'rule-everywhere' }).after), 'SecRuleRemoveById 942190');
    for (const scope of ['target', 'path'] as const) assert.equal(written({ scope }).after, '');
  });

  test('ids follow one another from the first', () => {
    const { before } = writeExclusions([exclusion(), exclusion({ place: place('/x') })], { ...OPTIONS, firstId: 5 });
    assert.deepEqual(
      [...before.matchAll(/id:(\d+)/g)].map((m) => m[1]),
      ['5', '6'],
    );
  });

  test('a path with odd characters is an exact pattern of escapes, decoded as engines do', () => {
    for (const [path, condition] of [
      ['/a.b-c_d~e', '@streq /a.b-c_d~e'],
      ['/a b', '@rx ^/a\\x20b\\z'],
      ['/a%20b', '@rx ^/a\\x20b\\z'],
      ['/a"b', '@rx ^/a\\x22b\\z'],
      ['/a\nb', '@rx ^/a\\x0ab\\z'],
      ['/a%0Ab', '@rx ^/a\\x0ab\\z'],
      ['/%{REQUEST_URI}', '@rx ^/\\x25\\x7bREQUEST\\x5fURI\\x7d\\z'],
      ['/.*', '@rx ^/\\x2e\\x2a\\z'],
      ['/(a+)+$', '@rx ^/\\x28a\\x2b\\x29\\x2b\\x24\\z'],
      ['/\\', '@rx ^/\\x5c\\z'],
      ['/ü', '@rx ^/\\xc3\\xbc\\z'],
      ['*', '@rx ^\\x2a\\z'],
    ] as const)
      assert.ok(written({ place: place(path) }).before.includes(`SecRule REQUEST_FILENAME "${condition}" \\`), path);
  });

  test('ModSecurity 2 has to decode a path with odd characters', () => {
    const v2 = (path: string) =>
      writeExclusions([exclusion({ place: place(path) })], { ...OPTIONS, engine: 'modsecurity2' }).before;
    assert.match(v2('/a%20b'), /"id:97000,phase:1,pass,t:none,t:urlDecodeUni,nolog,ctl/);
    assert.match(v2('/a.b'), /"id:97000,phase:1,pass,t:none,nolog,ctl/);
  });

  test('what cannot be written narrowly is left out, with the reason', () => {
    for (const [more, reason] of [
      [{ place: place('') }, /does not say on which path/],
      [{ place: place('/x', '') }, /does not say which part/],
      [{ place: place('/x', 'ARGS:a b') }, /no part of a request/],
      [{ place: place('/x', 'ARGS:a"b') }, /no part of a request/],
      [{ place: place('/x', 'ARGS:a,id:1') }, /no part of a request/],
      [{ place: place('/x', 'ARGS') }, /no part of a request/],
      [{ place: place('/x', 'ARGS:/.*/') }, /no part of a request/],
      [{ place: { ...place('/x'), rule: '942190;SecRuleEngine Off' } }, /no number/],
      [{ place: { ...place('/x'), rule: '' } }, /no number/],
      [{ place: { ...place('/x'), rule: '1-999999' } }, /no number/],
    ] as const) {
      const files = written(more);
      assert.equal(files.rules, 0);
      assert.match(files.left_out[0]?.reason ?? '', reason);
      assert.equal(directives(files.before) + files.after, '');
    }
  });

  test('targets of a fixed list only', () => {
    for (const target of [
      'ARGS:a',
      'ARGS:_pass',
      'ARGS:json.a.b',
      'REQUEST_HEADERS:User-Agent',
      'REQUEST_COOKIES:sid',
      'QUERY_STRING',
      'XML:/*',
    ])
      assert.equal(safeTarget(target), target);
    for (const target of [
      '',
      'TX:0',
      'ARGS',
      'ARGS:',
      'ARGS:*',
      'ENV:x',
      '!ARGS:a',
      'ARGS:a|ARGS:b',
      `ARGS:${'x'.repeat(129)}`,
    ])
      assert.equal(safeTarget(target), undefined, target);
  });
});

test('whatever a log holds, a file has only comments and the directives that were meant', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '"',
      '\\',
      '\n',
      '\r\n',
      '\u2028',
      '\u0085',
      '#',
      '%{x}',
      '`',
      "'",
      '\n\nSecRuleEngine Off\n',
      'x\\',
      '"\\\n',
      ';',
      ',',
    ),
  );
  fc.assert(
    fc.property(
      fc.array(hostile),
      fc.array(hostile),
      fc.array(hostile),
      fc.array(hostile),
      fc.constantFrom('target', 'path', 'target-everywhere' as const),
      (path, target, remarks, methods, scope) => {
        const files = writeExclusions(
          [
            exclusion({
              place: { rule: '942190', path: `/${path.join('')}`, target: `ARGS:${target.join('')}` },
              scope,
              remarks,
              methods,
            }),
          ],
          { ...OPTIONS, title: remarks.join('') },
        );
        for (const text of [files.before, files.after])
          for (const line of text.split(/[\n\r\u2028\u2029\u0085]/))
            assert.match(
              line,
              /^$|^#(?: [^\\]*)?$|^ {0,12}SecRule (?:REQUEST_FILENAME "@(?:streq \/[\w/.~-]*|rx \^(?:[A-Za-z0-9/]|\\x[0-9a-f]{2})*\\z)"|REQUEST_METHOD "@rx \^\(\?:[A-Z|]+\)\\z"|TIME_EPOCH "@lt \d+") \\$|^ {4,12}"(?:id:97000,phase:1,pass,t:none,nolog|t:none),(?:chain|ctl:ruleRemove(?:TargetById=942190;ARGS:[\w.-]+|ById=942190))"$|^SecRuleUpdateTargetById 942190 "!ARGS:[\w.-]+"$/,
            );
      },
    ),
    { numRuns: 300 },
  );
});
