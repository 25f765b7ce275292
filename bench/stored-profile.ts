import { createHash } from 'node:crypto';
import { withIndicators } from '../processors/profile/indicators.ts';
import type { Profile } from '../processors/profile/profile.ts';

/** Of about 2 kB, which is what a healthy session with three lines gives; ids, users and addresses in no order. */
export function profileOf(index: number): Profile {
  const at = (ms: number) => new Date(Date.UTC(2026, 2, 17) + index * 50 + ms).toISOString();
  const user = `user${(index * 7919) % 5000}@example.org`;
  const ip = `198.18.${(index * 31) % 250}.${(index * 17) % 250}`;
  const id = createHash('sha1').update(String(index)).digest('hex').slice(0, 24);
  const phase = (name: 'tls' | 'auth' | 'command', start: number) =>
    ({ name, start: at(start), duration_ms: 100, outcome: 'ok', precision_ms: 1000, source: 'dovecot.login' }) as const;
  return withIndicators({
    '@timestamp': at(0),
    ecs: { version: '9.4.0' },
    event: {
      kind: 'event',
      category: ['session'],
      type: ['info'],
      dataset: 'imapwhy.profile',
      start: at(0),
      end: at(8000),
      duration: 8e9,
      outcome: 'success',
      reason: 'Logged out',
    },
    source: { ip, port: 50_000 },
    client: { ip },
    server: { ip: '192.0.2.10', port: 993 },
    user: { name: user },
    network: { protocol: 'imaps', bytes: 2320 },
    tls: { version: '1.3', cipher: 'TLS_AES_256_GCM_SHA384', established: true },
    user_agent: { name: 'Thunderbird' },
    host: { name: 'mx1' },
    related: { ip: [ip, '192.0.2.10'], user: [user], hosts: ['mx1'] },
    tags: [],
    imapwhy: {
      session: { id, dovecot_id: id.slice(0, 16) },
      decided_at: at(8000),
      auth: { mechanism: 'PLAIN' },
      outcome: 'ok',
      phases: [phase('tls', 0), phase('auth', 200), phase('command', 500)],
      stalled_in: null,
      path: { vpn: null, waf: null, proxy: null },
      context: { pool_used: null },
      clock: [],
      events: ['a', 'b', 'c'].map((e) => ({ id: id + e, at: at(0), dataset: 'dovecot.login', action: 'logged-in' })),
      events_omitted: 0,
      cause: {
        label: 'none',
        layer: null,
        owner: null,
        probability: 0.99,
        alternatives: [
          { label: 'network.packet_loss', probability: 0.004, why_not: 'nothing speaks for it' },
          { label: 'security.attack', probability: 0.003, why_not: 'nothing speaks for it' },
        ],
        evidence: [
          {
            name: 'logged_out',
            kind: 'line',
            text: 'The client logged out by itself.',
            value: 1,
            weights: { none: 3.2 },
            lines: [],
          },
        ],
        missing_sources: [],
        remedy: null,
        scope: null,
      },
      revision: 1,
    },
  });
}
