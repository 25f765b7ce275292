import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fieldWord, parseQuery, withWord } from '../../web/query.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const parse = (text: string) => parseQuery(text, { now: NOW, zone: 'Europe/Warsaw' });
const field = (name: string, value: string, more: object = {}) => ({
  kind: 'field',
  field: name,
  value,
  isPrefix: false,
  negated: false,
  ...more,
});

describe('parseQuery', () => {
  it('reads fields, beginnings, negations, times and text', () => {
    assert.deepEqual(
      parse('user:anna cause:network.* -phase:tls since:2h until:2026-11-24T12:00 "Connection closed" lost'),
      {
        query: {
          conditions: [
            field('user', 'anna'),
            field('cause', 'network.', { isPrefix: true }),
            field('phase', 'tls', { negated: true }),
            { kind: 'text', value: 'Connection closed', negated: false },
            { kind: 'text', value: 'lost', negated: false },
          ],
          since: NOW - 7_200_000,
          until: Date.UTC(2026, 10, 24, 11), // 12:00 in Warsaw
        },
        problems: [],
        words: [
          'user:anna',
          'cause:network.*',
          '-phase:tls',
          'since:2h',
          'until:2026-11-24T12:00',
          '"Connection closed"',
          'lost',
        ],
      },
    );
  });

  it('knows is:failed and is:ok', () => {
    assert.deepEqual(parse('is:failed').query.conditions, [field('outcome', 'ok', { negated: true })]);
    assert.deepEqual(parse('-is:failed').query, parse('is:ok').query);
  });

  it('takes quoted values as they are', () => {
    assert.deepEqual(parse('user:"Anna \\"A\\" Nowak*"').query.conditions, [field('user', 'Anna "A" Nowak*')]);
  });

  it('says what it did not understand, and searches for the rest', () => {
    for (const [text, code] of [
      ['usr:anna', 'unknown_field'],
      ['since:yesterday', 'not_a_time'],
      ['-since:2h', 'not_a_time'],
      ['"open', 'open_quote'],
      ['user:', 'empty'],
      ['user:""', 'empty'],
      ['x '.repeat(41), 'too_long'],
    ] as const) {
      const { problems, query } = parse(`${text} client:198.51.100.7`);
      assert.equal(problems[0]?.code, code, text);
      if (code !== 'open_quote' && code !== 'too_long')
        assert.deepEqual(query.conditions, [field('client', '198.51.100.7')], text);
    }
  });

  it('keeps the narrower of two times', () => {
    assert.equal(parse('since:2h since:1h').query.since, NOW - 3_600_000);
  });

  it('is total, and never longer than it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (text) => {
        assert.ok(parse(text).words.length <= 40);
      }),
    );
  });
});

describe('fieldWord', () => {
  it('is read back as the same condition, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), (value) => {
        assert.deepEqual(parse(fieldWord('server', value)).query.conditions, [field('server', value)]);
      }),
    );
  });
});

describe('withWord', () => {
  it('replaces a time and adds nothing twice', () => {
    assert.equal(withWord(['user:anna', 'since:2h'], 'since:1h'), 'user:anna since:1h');
    assert.equal(withWord(['user:anna'], 'user:anna'), 'user:anna');
  });
});
