import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reach, wrongForEveryone } from '../../../models/waf/everyone.ts';
import { MINUTE, NOON } from './world.ts';

/** `before` and `after` logins a client, one a minute. */
const reach = (clients: number, before: number, after: number, more: Partial<Reach> = {}): Reach => ({
  times: Array.from({ length: 30 }, (_, i) => NOON + i * MINUTE),
  logins: Array.from({ length: clients }, () => [
    ...Array.from({ length: before }, (_, i) => NOON - (before - i) * MINUTE),
    ...Array.from({ length: after }, (_, i) => NOON + (i + 1) * MINUTE),
  ]),
  users: clients,
  networks: 3,
  legitimateShare: 1,
  attackShare: 0,
  ...more,
});

test('named when the logins of those whom it hit broke off, with both counts', () => {
  assert.deepEqual(wrongForEveryone(reach(6, 4, 0)), {
    rule_came: '2026-03-17T12:00:00.000Z',
    span_minutes: 29,
    logins_before: 24,
    logins_after: 0,
    users: 6,
    networks: 3,
  });
});

test('not named when logins went on, few were hit, or the values were attacks', () => {
  assert.equal(wrongForEveryone(reach(6, 4, 4)), undefined);
  assert.equal(wrongForEveryone(reach(6, 1, 0)), undefined, 'six logins less may be chance: 1 in 64');
  assert.ok(wrongForEveryone(reach(7, 1, 0)), 'seven may not: 1 in 128');
  assert.equal(wrongForEveryone(reach(4, 4, 0)), undefined);
  assert.equal(wrongForEveryone(reach(6, 4, 0, { networks: 1 })), undefined);
  assert.equal(wrongForEveryone(reach(6, 4, 0, { legitimateShare: 0.5 })), undefined);
  assert.equal(wrongForEveryone(reach(6, 4, 0, { attackShare: 0.5 })), undefined);
});
