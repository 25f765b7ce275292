/** Sample incidents and findings for tests of outputs and reports. */
import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { CauseLabel } from '../processors/profile/profile.ts';
import { sampleSessions } from './profiles.ts';
import { at, LAYER_OWNERS, layerOf } from './sample-session.ts';

/** The incidents of `sampleDay`. */
export function sampleIncidents(): readonly Incident[] {
  return [
    sampleIncident(
      'inc-loss',
      'network.packet_loss',
      'network:203.0.113.0/24',
      at(9, 30),
      7 * 60_000,
      17,
      17,
      1,
      'loss-',
    ),
    sampleIncident('inc-pool', 'server.pool_exhausted', 'server:mx1', at(9, 2), 90_000, 39, 35, 21, 'pool-'),
  ];
}

export function sampleIncident(
  id: string,
  cause: CauseLabel,
  scope: string,
  startMs: number,
  durationMs: number,
  sessions: number,
  users: number,
  networks: number,
  example: string,
  revision = 1,
): Incident {
  const start = new Date(startMs).toISOString();
  const layer = layerOf(cause) ?? 'server';
  return {
    '@timestamp': start,
    ecs: { version: '9.4.0' },
    event: {
      kind: 'alert',
      dataset: 'imapwhy.incident',
      start,
      end: new Date(startMs + durationMs).toISOString(),
      duration: durationMs * 1e6,
    },
    imapwhy: {
      incident: {
        id,
        cause,
        layer,
        owner: LAYER_OWNERS[layer],
        scope,
        sessions,
        users,
        networks,
        example_sessions: sampleSessions()
          .map((s) => s.profile.imapwhy.session.id)
          .filter((s) => s.startsWith(example)),
        probability: 0.93,
      },
      revision,
    },
  };
}

/** Two series that were unusual together; the names are as hostile as a log can make them. */
export function sampleFinding(): AnomalyFinding {
  const series = {
    scope: 'network:203.0.113.0/24',
    metric: 'success rate',
    level: 'alarm',
    basis: 'limit',
    score: 0.9,
    reason: '24 of 46 attempts failed: success rate 47.8 %',
    sessions: 24,
    attempts: 46,
  } as const;
  return {
    '@timestamp': '2026-03-17T09:13:00.000Z',
    ecs: { version: '9.4.0' },
    event: {
      kind: 'alert',
      dataset: 'imapwhy.anomaly',
      start: '2026-03-17T09:13:00.000Z',
      end: '2026-03-17T09:17:00.000Z',
      duration: 240_000_000_000,
    },
    imapwhy: {
      anomaly: {
        id: 'finding-1',
        level: 'alarm',
        score: 0.9,
        scope: series.scope,
        reason: series.reason,
        series: [series, { ...series, scope: 'client:<script>alert(1)</script>\u001b[31m', sessions: 3 }],
        incident: { cause: 'network.packet_loss', scope: 'network:203.0.113.0/24' },
        sessions: 24,
        users: 20,
        networks: 1,
        example_sessions: ['a', 'b'],
      },
      revision: 1_000_000_024,
    },
  };
}
