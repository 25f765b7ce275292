import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeElsewhere, judgePlaceRuns, proofOf, type WafProof } from '../../models/waf/proof.ts';
import { buildQueue } from '../../models/waf/queue.ts';
import { requestsOf, type WafMatch } from '../../models/waf/request.ts';
import { proofMarkdown, proofSummary } from '../../reports/waf/proof.ts';
import { renderReview, renderRow } from '../../reports/waf/review.ts';
import { known, NOON, wafEvent } from '../models/waf/world.ts';

const HOSTILE = '\u001b[31m\n<img src=x onerror=alert(1)> | `tick` ``` [a](javascript:1) \u202e';
const UNSAFE = /[\u001b\u202e\r]/;

function hostileProof(): WafProof {
  const place = { rule: HOSTILE, path: HOSTILE, target: HOSTILE };
  const match: WafMatch = {
    ...{ rule: HOSTILE, message: HOSTILE, target: HOSTILE, severity: 'CRITICAL', tags: [], file: null },
    ...{ pattern: null, matched: null, value: null, valueLength: null, denies: false },
  };
  const blocked = { blocked: true, matches: [match] };
  const attack = {
    test: HOSTILE,
    shown: HOSTILE,
    path: HOSTILE,
    baseline: blocked,
    excluded: { blocked: false, matches: [] },
  };
  const proof = judgePlaceRuns(
    {
      place,
      scope: 'target',
      widened: HOSTILE,
      replays: [
        { request: HOSTILE, kind: 'logged', reason: '', excluded: blocked },
        { request: HOSTILE, kind: undefined, reason: HOSTILE, excluded: undefined },
      ],
      setAside: 3,
      planted: [attack],
      sent: 1,
    },
    [{ place, scope: 'target' }],
  );
  const engine = { name: HOSTILE, rules: HOSTILE, own_rules: [HOSTILE], paranoia: 1 };
  const head = {
    made_at: '2026-03-18T10:00:00.000Z',
    basis: 'accepted',
    engine,
    attacks: HOSTILE,
    before: '# x\n',
    after: '',
  } as const;
  return proofOf({ ...head, left_out: [{ place, reason: HOSTILE }] }, [proof], judgeElsewhere([attack], 1));
}

describe('the proof in words', () => {
  test('whatever a log holds stays text, in Markdown and on a terminal', () => {
    const markdown = proofMarkdown(hostileProof());
    assert.doesNotMatch(markdown, UNSAFE);
    assert.doesNotMatch(proofSummary(hostileProof()), UNSAFE);
    // Outside of code spans no markup is left: take the spans out, and look.
    const plain = markdown.replace(/(?<![\\`])(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
    assert.doesNotMatch(plain, /(?<!\\)<img|(?<!\\)\[a/);
  });
  test('says what failed, what was set aside and left out', () => {
    const text = proofSummary(hostileProof());
    assert.match(text, /^FAILED {5}freed 0 of 1 proven; proven 1 of 2 logged requests/);
    assert.match(text, /3 requests of scanners set aside/);
    assert.match(text, /Left out/);
  });
});

describe('the review on a terminal', () => {
  const queue = buildQueue(
    requestsOf([
      wafEvent({
        id: 'a',
        path: `/${HOSTILE}`,
        user: HOSTILE,
        rules: [{ id: '942100', variable: `ARGS:${HOSTILE}`, value: HOSTILE, blocking: true }],
      }),
      wafEvent({
        id: 'b',
        at: NOON + 5 * 86_400_000,
        path: `/${'x'.repeat(500)}`,
        rules: [{ id: '1', variable: 'ARGS:y', matched: 'z', value: `a${'z'.repeat(900)}`, blocking: true }],
      }),
    ]),
    known({}),
    { decisions: [], now: NOON },
  );
  test('holds 100 columns and no escape of a log’s', () => {
    for (const out of [
      renderReview(queue, { colour: false, all: true }),
      ...queue.rows.map((r) => renderRow(r, { colour: false })),
    ]) {
      assert.doesNotMatch(out, UNSAFE);
      for (const line of out.split('\n')) assert.ok([...line].length <= 100, line);
    }
  });
  test('marks what matched', () => {
    const row = queue.rows.find((r) => r.rule.id === '1') ?? assert.fail();
    assert.match(renderRow(row, { colour: false }), /a⟦z⟧zzz/);
  });
  test('an empty store says what would fill it', () => {
    const empty = buildQueue([], known({}), { decisions: [], now: NOON });
    assert.match(renderReview(empty, { colour: false, all: false }), /no event of a WAF/);
  });
});
