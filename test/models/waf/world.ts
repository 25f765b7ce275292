/** A small world for the tests of the review: events as the store holds them, and who logged in from where. */
import type { Known, Visit } from '../../../models/waf/known-clients.ts';
import type { WafDocument } from '../../../models/waf/request.ts';
import { networkOf } from '../../../processors/resolve/network.ts';

export const NOON = Date.UTC(2026, 2, 17, 12);
export const MINUTE = 60_000;

export interface SampleRule {
  readonly id: string;
  readonly variable?: string;
  readonly severity?: string;
  readonly matched?: string;
  readonly value?: string;
  readonly value_length?: number;
  readonly blocking?: boolean;
  readonly tags?: readonly string[];
}

export interface SampleBlock {
  readonly id: string;
  readonly at?: number;
  readonly client?: string;
  readonly user?: string;
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly session?: string;
  readonly request?: string;
  readonly action?: 'blocked' | 'detected';
  readonly dataset?: string;
  readonly rules: readonly SampleRule[];
  readonly original?: string;
}

export const SUM_RULE: SampleRule = {
  id: '949110',
  variable: 'TX:ANOMALY_SCORE',
  severity: 'CRITICAL',
  blocking: true,
};

export function wafEvent(b: SampleBlock): WafDocument {
  return {
    id: b.id,
    session: b.session,
    document: {
      '@timestamp': new Date(b.at ?? NOON).toISOString(),
      event: { dataset: b.dataset ?? 'modsecurity.audit', action: b.action ?? 'blocked', original: b.original ?? '' },
      source: { ip: b.client ?? '192.0.2.1' },
      url: { path: b.path ?? '/login', query: b.query },
      http: { request: { id: b.request ?? b.id, method: b.method ?? 'POST' } },
      user: b.user === undefined ? undefined : { name: b.user },
      modsecurity: {
        rules: b.rules.map((r) => ({ message: `rule ${r.id}`, severity: 'CRITICAL', tags: [], blocking: false, ...r })),
      },
    },
  };
}

export function visit(user: string, start: number, more: Partial<Visit> = {}): Visit {
  return {
    session: `${user}-${start}`,
    start,
    end: start + MINUTE,
    user,
    outcome: 'ok',
    cause: 'none',
    probability: 1,
    ...more,
  };
}

/** `visits` by client address; `lost` are sessions by id. */
export function known(
  visits: Readonly<Record<string, readonly Visit[]>>,
  lost: Readonly<Record<string, Visit>> = {},
): Known {
  const byClient = new Map(Object.entries(visits));
  const byId = new Map(Object.entries(lost));
  return {
    visitsOf: (client) => byClient.get(client) ?? [],
    session: (id) => byId.get(id),
    anyLoginFrom: (network) =>
      [...byClient].some(([client, list]) => networkOf(client) === network && list.some((v) => v.outcome === 'ok')),
    anyLogin: [...byClient.values()].some((list) => list.some((v) => v.outcome === 'ok')),
  };
}
