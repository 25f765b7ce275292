import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readAttempt } from '../../../models/prediction/attempt.ts';
import { recordOf, worldLines } from './thin-world.ts';

const [line = '{}'] = worldLines(0, 1);
const document = (): Record<string, Record<string, unknown>> => JSON.parse(line);

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
