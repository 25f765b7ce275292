import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WafDecision } from '../../../models/waf/decision.ts';
import {
  type AttackRun,
  isBlockedBy,
  judgeElsewhere,
  judgePlaceRuns,
  type PlaceRuns,
  placeOfAttack,
  proofOf,
  type Verdict,
} from '../../../models/waf/proof.ts';
import { buildQueue } from '../../../models/waf/queue.ts';
import type { WafMatch } from '../../../models/waf/request.ts';
import { requestsOf } from '../../../models/waf/request.ts';
import { choose, exclusionOf, forbiddenBy, proofOfPlace } from '../../../models/waf/selection.ts';
import { known, NOON, wafEvent } from './world.ts';

const place = { rule: '942440', path: '/mail', target: 'ARGS:body' };
const match = (rule: string, target: string, more: Partial<WafMatch> = {}): WafMatch => ({
  rule,
  message: '',
  target,
  severity: 'CRITICAL',
  tags: [],
  file: null,
  pattern: null,
  matched: null,
  value: null,
  valueLength: null,
  denies: false,
  ...more,
});
const SUM = match('949110', 'TX:ANOMALY_SCORE', { denies: true });
const blocked = (...matches: readonly WafMatch[]): Verdict => ({ blocked: true, matches: [...matches, SUM] });
const PASSED: Verdict = { blocked: false, matches: [] };
const own = match('942440', 'ARGS:body');
const attack = (baseline: Verdict, excluded: Verdict): AttackRun => ({
  test: '942440-1',
  shown: 'x',
  path: '/mail',
  baseline,
  excluded,
});
const judged = (more: Partial<PlaceRuns>) =>
  judgePlaceRuns(
    {
      place,
      scope: 'target',
      widened: null,
      replays: [{ request: 'r1', kind: 'logged', reason: '', excluded: PASSED }],
      setAside: 0,
      planted: [],
      sent: 0,
      ...more,
    },
    [{ place, scope: 'target' }],
  );

describe('the proof of a place', () => {
  test('counts only what the same rule blocked at the same target', () => {
    assert.ok(isBlockedBy(blocked(own), place));
    assert.ok(!isBlockedBy({ blocked: false, matches: [own] }, place));
    assert.ok(!isBlockedBy(blocked(match('942440', 'ARGS:other')), place));
    assert.ok(!isBlockedBy(blocked(match('942100', 'ARGS:body')), place));
    assert.ok(
      isBlockedBy(blocked(match('1', 'REQUEST_HEADERS:User-Agent')), {
        rule: '1',
        path: '/',
        target: 'REQUEST_HEADERS:user-agent',
      }),
    );
  });

  test('what was not proven is never freed, and alone proves nothing', () => {
    const p = judged({
      replays: [
        { request: 'r1', kind: undefined, reason: 'no body', excluded: undefined },
        { request: 'r2', kind: undefined, reason: 'no body', excluded: undefined },
      ],
    });
    assert.equal(p.freed, 0);
    assert.deepEqual(p.not_proven, [{ reason: 'no body', requests: 2, example: 'r1' }]);
    assert.ok(!p.passed);
    assert.match(p.why, /nothing could be proven/);
  });

  test('fails while a proven request is still blocked', () => {
    const p = judged({
      replays: [{ request: 'r1', kind: 'look-alike', reason: '', excluded: blocked(match('942100', 'ARGS:body')) }],
    });
    assert.deepEqual(p.not_freed, [{ request: 'r1', rules: ['942100 ARGS:body'] }]);
    assert.match(p.why, /1 of 1 proven requests are still blocked/);
  });

  test('an attack that only the excluded rule stopped is given up; one that others stop must not pass', () => {
    const p = judged({
      sent: 5,
      planted: [
        attack(PASSED, PASSED), // nothing blocked it before: does not count
        attack(blocked(own), PASSED),
        attack(blocked(own, match('942200', 'ARGS:body', { severity: 'NOTICE' })), PASSED), // too little alone
        attack(blocked(own, match('942100', 'ARGS:body')), blocked(match('942100', 'ARGS:body'))),
        attack(blocked(own, match('942100', 'ARGS:body')), PASSED),
      ],
    });
    assert.equal(p.planted.blocked_before, 4);
    assert.equal(p.planted.blocked_after, 1);
    assert.equal(p.planted.residue, 2);
    assert.deepEqual(p.planted.residue_rules, { '942200': 1, '942440': 2 });
    assert.equal(p.planted.newly_let_through.length, 1);
    assert.match(p.why, /1 attacks that other rules stop were let through/);
  });

  test('a rule that is excluded on the whole path is the excluded rule at other targets too', () => {
    const elsewhere = match('942440', 'ARGS:other');
    const runs = {
      place,
      widened: null,
      replays: [],
      setAside: 0,
      planted: [attack(blocked(elsewhere), PASSED)],
      sent: 1,
    };
    assert.equal(judgePlaceRuns({ ...runs, scope: 'path' }, [{ place, scope: 'path' }]).planted.residue, 1);
    assert.equal(
      judgePlaceRuns({ ...runs, scope: 'target' }, [{ place, scope: 'target' }]).planted.newly_let_through.length,
      1,
    );
  });
});

test('an attack sent anywhere lies in a freed place if only what is excluded there stopped it', () => {
  const wide = [{ place, scope: 'path' }] as const;
  const narrow = [{ place, scope: 'target' }] as const;
  const onOther = attack(blocked(match('942440', 'ARGS:other')), PASSED);
  assert.equal(placeOfAttack(onOther, wide), wide[0]);
  assert.equal(placeOfAttack({ ...onOther, path: '/m%61il' }, wide), wide[0]);
  assert.equal(placeOfAttack(onOther, narrow), undefined);
  assert.equal(placeOfAttack({ ...onOther, path: '/other' }, wide), undefined);
  assert.equal(
    placeOfAttack({ ...onOther, path: '/other' }, [{ place, scope: 'rule-everywhere' }])?.scope,
    'rule-everywhere',
  );
  assert.equal(
    placeOfAttack(attack(blocked(own, match('942100', 'ARGS:body')), PASSED), wide),
    undefined,
    'another rule stops it',
  );
});

const HEAD = {
  made_at: '2026-03-18T10:00:00.000Z',
  basis: 'accepted',
  engine: { name: 'nginx', rules: 'CRS', own_rules: [], paranoia: 1 },
  attacks: 'none',
  left_out: [],
  before: '',
  after: '',
} as const;
const QUIET = judgeElsewhere([attack(blocked(own), blocked(own))], 1);

test('a proof fails for a place, and for anything let through elsewhere', () => {
  assert.ok(proofOf(HEAD, [judged({})], QUIET).passed);
  assert.ok(!proofOf(HEAD, [], QUIET).passed);
  const leak = proofOf(HEAD, [judged({})], judgeElsewhere([attack(blocked(own), PASSED)], 1));
  assert.deepEqual(leak.why, ['outside of the freed places 1 attacks were newly let through']);
});

describe('what is exported', () => {
  const decision: WafDecision = {
    ...place,
    decision: 'accept',
    scope: 'target',
    by: 'Ola',
    at: '2026-03-18T09:00:00.000Z',
    note: null,
    expires: '2027-03-01T00:00:00.000Z',
    model_probability: null,
    requests_blocked: null,
  };
  const queue = buildQueue(
    requestsOf([
      wafEvent({ id: 'a', path: '/mail', rules: [{ id: '942440', variable: 'ARGS:body', blocking: true }] }),
    ]),
    known({}),
    { decisions: [], now: NOON },
  );
  test('is what was accepted last and has not expired; also what was decided without a stored block', () => {
    const other = { ...decision, path: '/other' };
    const chosen = choose(
      queue,
      [other, decision, { ...decision, path: '/x' }, { ...decision, path: '/x', decision: 'attack', expires: null }],
      'accepted',
      NOON,
    );
    assert.deepEqual(
      chosen.map((c) => [c.place.path, c.row?.requests_blocked]),
      [
        ['/mail', 1],
        ['/other', undefined],
      ],
    );
    assert.deepEqual(choose(queue, [decision], 'accepted', Date.UTC(2028, 0)), []);
    assert.deepEqual(choose(queue, [], 'proposed', NOON), []); // its probability is low
  });
  test('a failed proof forbids it, one of other places or scopes says nothing', () => {
    const [chosen] = choose(queue, [decision], 'accepted', NOON);
    assert.ok(chosen);
    const passed = proofOf(HEAD, [judged({})], QUIET);
    const failed = proofOf(HEAD, [judged({ replays: [] })], QUIET);
    assert.deepEqual(forbiddenBy(passed, [chosen]), []);
    assert.equal(forbiddenBy(failed, [chosen]).length, 1);
    assert.deepEqual(forbiddenBy(failed, [{ ...chosen, place: { ...place, path: '/other' } }]), []);
    assert.equal(proofOfPlace(passed, { ...chosen, scope: 'path' }), undefined);
    assert.deepEqual(forbiddenBy(undefined, [chosen]), []);
  });
  test('where a target does not reach the rule, as it was proven', () => {
    const [chosen] = choose(queue, [decision], 'accepted', NOON);
    assert.ok(chosen);
    const wide = proofOf(HEAD, [judged({ scope: 'path', widened: 'a chain' })], QUIET);
    const exclusion = exclusionOf(chosen, proofOfPlace(wide, chosen));
    assert.equal(exclusion.scope, 'path');
    assert.deepEqual(exclusion.methods, ['POST']);
    assert.ok(exclusion.remarks.includes('Wider than asked: a chain.'));
    assert.equal(exclusionOf(chosen, undefined).scope, 'target');
  });
});
