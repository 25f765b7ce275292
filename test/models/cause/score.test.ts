import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scoreCauses } from '../../../models/cause/score.ts';
import { parseTruth } from '../../../models/cause/truth.ts';
import type { CauseLabel } from '../../../processors/profile/profile.ts';

test('reliability and ECE by layer, worked out by hand', () => {
  const rows: readonly (readonly [CauseLabel, CauseLabel, number])[] = [
    ['network.packet_loss', 'network.packet_loss', 0.9], // right
    ['network.packet_loss', 'network.path_flap', 0.9], // wrong cause of the same layer
    ['server.auth_slow', 'network.packet_loss', 0.4], // counts for the layer that is accused
    ['server.auth_slow', 'server.auth_slow', 1],
    ['none', 'none', 0.6], // accuses nobody
  ];
  const truth = rows.map(([cause], session) =>
    parseTruth(
      JSON.stringify({ session, start: '2026-01-01T00:00:00Z', cause, dovecot_session: `s${session}`, outcome: 'ok' }),
    ),
  );
  const score = scoreCauses(truth, (t) => {
    const [, label = 'none', probability = 0] = rows[t.session] ?? [];
    return { label, probability, outcome: 'ok' };
  });
  const of = (layer: string) => score.layers.find((l) => l.layer === layer);
  assert.deepEqual(
    score.layers.map((l) => [l.layer, l.n]),
    [
      ['network', 3],
      ['server', 1],
      ['client', 0],
      ['security', 0],
    ],
  );
  // (|1.8 - 1| + |0.4 - 0|) / 3
  assert.ok(Math.abs((of('network')?.ece ?? 0) - 0.4) < 1e-12);
  assert.ok(Math.abs((of('network')?.said ?? 0) - 2.2 / 3) < 1e-12);
  assert.ok(Math.abs((of('network')?.right ?? 0) - 1 / 3) < 1e-12);
  assert.equal(of('server')?.ece, 0);
  assert.equal(of('client')?.ece, 0);
  assert.ok(Math.abs(score.ece - (0.8 + 0.4) / 4) < 1e-12);
});
