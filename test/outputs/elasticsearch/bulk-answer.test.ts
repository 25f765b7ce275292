/** Answers as Elasticsearch 8.19 gave them (test/servers/elasticsearch-refusals.ts provokes them), and some that only a broken network gives. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BulkAnswer, meaningOf } from '../../../outputs/elasticsearch/bulk-answer.ts';

const answer = (status: number, body: unknown, retryAfter?: string): BulkAnswer => ({
  kind: 'answer',
  status,
  body,
  retryAfter,
});
const item = (status: number, error?: object, id = 'a', action = 'create') => ({
  [action]: { _index: 'i', _id: id, status, ...(error ? { error } : {}) },
});
const oneVerdict = (status: number, error?: object) => {
  const meaning = meaningOf(answer(200, { items: [item(status, error)] }), ['a']);
  assert.equal(meaning.kind, 'items');
  return meaning.kind === 'items' ? meaning.verdicts[0] : undefined;
};

describe('an item of the answer', () => {
  const cases: readonly (readonly [string, number, object | undefined, string])[] = [
    ['created', 201, undefined, 'written'],
    ['replaced', 200, undefined, 'written'],
    [
      'there already',
      409,
      { type: 'version_conflict_engine_exception', reason: '[a]: version conflict, document already exists' },
      'present',
    ],
    [
      'queue is full',
      429,
      { type: 'es_rejected_execution_exception', reason: 'rejected execution of TimedRunnable' },
      'again overloaded',
    ],
    [
      'flood stage',
      429,
      { type: 'cluster_block_exception', reason: 'index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded]' },
      'again overloaded',
    ],
    [
      'primary is not allocated',
      503,
      { type: 'unavailable_shards_exception', reason: '[i][0] primary shard is not active Timeout: [1m]' },
      'again overloaded',
    ],
    [
      'write block',
      403,
      { type: 'cluster_block_exception', reason: 'index [i] blocked by: [FORBIDDEN/8/index write (api)]' },
      'again denied',
    ],
    ['no such index', 404, { type: 'index_not_found_exception', reason: 'no such index [i]' }, 'again missing'],
    ['disk full', 500, { type: 'i_o_exception', reason: 'No space left on device' }, 'again failing'],
    ['node went', 500, { type: 'node_closed_exception', reason: 'node closed' }, 'again failing'],
    ['a bug of the server', 500, { type: 'null_pointer_exception', reason: 'null' }, 'doubtful'],
    [
      'wrong type',
      400,
      { type: 'document_parsing_exception', reason: 'failed to parse field [n]' },
      'refused bad_document',
    ],
    [
      'too many fields',
      400,
      { type: 'illegal_argument_exception', reason: 'Limit of total fields [1000] has been exceeded' },
      'refused bad_document',
    ],
    ['too large', 413, { type: 'x', reason: 'y' }, 'refused too_large'],
  ];
  for (const [name, status, error, expected] of cases) {
    it(`${status}, ${name}: ${expected}`, () => {
      const verdict = oneVerdict(status, error);
      const detail =
        verdict?.kind === 'again' ? ` ${verdict.trouble}` : verdict?.kind === 'refused' ? ` ${verdict.code}` : '';
      assert.equal(`${verdict?.kind}${detail}`, expected);
    });
  }

  it('gives the innermost reason, which names the field', () => {
    const verdict = oneVerdict(400, {
      type: 'document_parsing_exception',
      reason: 'failed to parse field [n] of type [long]',
      caused_by: { type: 'number_format_exception', reason: 'For input string: "x"' },
    });
    assert.ok(verdict?.kind === 'refused');
    assert.equal(
      verdict.reason,
      '400 document_parsing_exception: failed to parse field [n] of type [long]: For input string: "x"',
    );
  });
});

describe('the answer as a whole', () => {
  const error = { error: { type: 'some_exception', reason: 'why' }, status: 0 };
  const cases: readonly (readonly [string, BulkAnswer, string])[] = [
    ['429', answer(429, error, '7'), 'again overloaded'],
    ['503, no master', answer(503, error), 'again overloaded'],
    ['500', answer(500, error), 'again failing'],
    ['502 of a proxy', answer(502, '<html>Bad gateway'), 'again failing'],
    ['401', answer(401, error), 'again denied'],
    ['403', answer(403, error), 'again denied'],
    ['404', answer(404, error), 'again missing'],
    ['302 to a login page', answer(302, ''), 'again unreadable'],
    ['413', answer(413, ''), 'halve too_large'],
    ['400 of Elasticsearch', answer(400, error), 'halve bad_document'],
    ['400 of a proxy', answer(400, '<html>Bad request'), 'again unreadable'],
    ['a login page with 200', answer(200, '<html>Welcome'), 'again unreadable'],
    ['no items', answer(200, {}), 'again unreadable'],
    ['an item too few', answer(200, { items: [item(201)] }), 'again unreadable'],
    ['an item too many', answer(200, { items: [item(201), item(201, undefined, 'b'), item(201)] }), 'again unreadable'],
    ['items in another order', answer(200, { items: [item(201, undefined, 'b'), item(201)] }), 'again unreadable'],
    [
      'items of other actions',
      answer(200, { items: [item(200, undefined, 'a', 'delete'), item(201)] }),
      'again unreadable',
    ],
    ['items that are null', answer(200, { items: [null, null] }), 'again unreadable'],
    [
      'a status that is no number',
      answer(200, { items: [{ create: { _id: 'a', status: '201' } }, item(201)] }),
      'again unreadable',
    ],
    ['no answer', { kind: 'failure', trouble: 'timeout', message: 'm' }, 'again timeout'],
  ];
  for (const [name, given, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      const meaning = meaningOf(given, ['a', 'b']);
      const detail = meaning.kind === 'again' ? meaning.trouble : meaning.kind === 'halve' ? meaning.code : '';
      assert.equal(`${meaning.kind} ${detail}`, expected);
    });
  }

  it('hands on what Retry-After says', () => {
    const meaning = meaningOf(answer(429, error, '7'), ['a']);
    assert.equal(meaning.kind === 'again' ? meaning.retryAfter : '', '7');
  });

  it('takes items for index and create', () => {
    const items = [item(201), item(200, undefined, 'b', 'index')];
    assert.deepEqual(meaningOf(answer(200, { items }), ['a', 'b']), {
      kind: 'items',
      verdicts: [
        { kind: 'written', index: 'i' },
        { kind: 'written', index: 'i' },
      ],
    });
  });

  it('believes no field that comes from a prototype', () => {
    const items = [{ __proto__: { create: { _id: 'a', status: 201 } } }];
    assert.equal(meaningOf(answer(200, { items }), ['a']).kind, 'again');
  });
});
