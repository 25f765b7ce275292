import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { attemptOf, byStart, readAttempt } from '../../../models/prediction/attempt.ts';
import { recordOf, worldLines } from './thin-world.ts';

const [line = '{}'] = worldLines(0, 1);
const document = (): Record<string, Record<string, unknown>> => JSON.parse(line);

const NOBODY = { user: undefined, address: undefined, server: undefined, tunnel: undefined, mechanism: undefined };

describe('reading an attempt', () => {
  test('takes who, from where, to where and when, and the outcome apart from it', () => {
    const { attempt, decision } = recordOf({
      event: { start: '2026-03-02T00:00:02.442Z', end: '2026-03-02T00:00:12.500Z', outcome: 'failure' },
      user: { name: 'anna@example.org' },
      client: { ip: '2001:db8:1:2::7' },
      server: { ip: '192.0.2.13' },
      imapwhy: {
        session: { id: 'a' },
        decided_at: '2026-03-02T00:00:12.450Z',
        outcome: 'timeout',
        stalled_in: 'tls',
        auth: { mechanism: 'XOAUTH2' },
        path: { vpn: { name: 'gw-01', rekeyed: true } },
        context: { pool_used: 0.5 },
        phases: [
          { name: 'tcp', duration_ms: 35 },
          { name: 'tls', duration_ms: null },
        ],
      },
    });
    assert.deepEqual(attempt, {
      id: 'a',
      at: Date.parse('2026-03-02T00:00:02.442Z'),
      client: 'anna@example.org',
      network: '2001:db8:1:2::/64',
      server: '192.0.2.13',
      tunnel: 'gw-01',
      mechanism: 'token',
    });
    assert.deepEqual(decision, {
      at: Date.parse('2026-03-02T00:00:12.450Z'),
      kind: 'timeout_tls',
      tcpMs: 35,
      tlsMs: undefined,
      authMs: undefined,
      poolUsed: 0.5,
      rekeyed: true,
    });
  });

  test('what a flow record tells is known when the flow is over: too late for one that had logged in', () => {
    const phases = [
      { name: 'tcp', duration_ms: 35, source: 'netflow.flow' },
      { name: 'auth', duration_ms: 7, source: 'dovecot.login' },
    ];
    const ended = (outcome: string) => {
      const d = document();
      const { decision } = recordOf({
        ...d,
        event: { ...d.event, outcome },
        imapwhy: { ...d.imapwhy, phases, stalled_in: 'auth' },
      });
      return [decision.tcpMs, decision.authMs];
    };
    assert.deepEqual(ended('success'), [undefined, 7]);
    assert.deepEqual(ended('failure'), [35, 7]);
  });

  test('of the same moment the order is that of the names, whoever came first', () => {
    const [a, b] = ['anna', 'zofia'].map((user) => attemptOf('1', 5, { ...NOBODY, user }));
    assert.ok(a && b);
    assert.ok(byStart(a, b) < 0 && byStart(b, a) > 0 && byStart(a, a) === 0);
    assert.ok(byStart({ ...b, at: 4 }, a) < 0);
  });

  test('an outcome known before the beginning is known at the beginning', () => {
    const early = document();
    early.imapwhy = { ...early.imapwhy, decided_at: '1999-01-01T00:00:00Z' };
    const { attempt, decision } = recordOf(early);
    assert.equal(decision.at, attempt.at);
  });

  for (const [name, damage, field] of [
    ['id', (d: Record<string, Record<string, unknown>>) => ({ ...d, imapwhy: { ...d.imapwhy, session: {} } }), /id/],
    [
      'start',
      (d: Record<string, Record<string, unknown>>) => ({ ...d, event: { ...d.event, start: 'soon' } }),
      /start/,
    ],
    [
      'outcome',
      (d: Record<string, Record<string, unknown>>) => ({ ...d, event: { ...d.event, outcome: 'x' } }),
      /outcome/,
    ],
  ] as const) {
    test(`names the field: ${name}`, () => {
      const read = readAttempt(damage(document()));
      assert.equal(read.kind, 'problem');
      assert.match(read.kind === 'problem' ? read.field : '', field);
    });
  }

  test('never throws, and never gives a number that is none', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (value, other) => {
        const whole = document();
        const mixed = {
          ...whole,
          imapwhy: { ...whole.imapwhy, phases: value, context: { pool_used: other }, path: value },
        };
        readAttempt(value);
        const { decision } = recordOf(mixed);
        for (const x of [decision.tcpMs, decision.tlsMs, decision.authMs, decision.poolUsed])
          assert.ok(x === undefined || Number.isFinite(x));
      }),
      { numRuns: 300 },
    );
  });
});
