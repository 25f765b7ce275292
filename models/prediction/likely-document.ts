import { createHash } from 'node:crypto';
import { isoTime } from '../../processors/profile/iso-time.ts';
import { HORIZON_MS, type Likely, type Reason } from './outlook.ts';

/** One client that is likely to fail in the next 15 minutes, as of one moment: about what has not happened yet, so a document of its own. */
export interface LikelyDocument {
  readonly '@timestamp': string; // when it was said, event time
  readonly ecs: { readonly version: string };
  readonly event: {
    readonly kind: 'alert';
    readonly dataset: 'imapwhy.likely';
    readonly start: string; // it tries between these
    readonly end: string;
  };
  readonly message: string;
  readonly imapwhy: {
    readonly likely: {
      readonly id: string;
      readonly known_until: string; // it was said from what was known by then
      readonly client: string; // user, else address
      readonly network: string | null;
      readonly server: string | null;
      readonly tunnel: string | null;
      readonly risk: number; // that an attempt would fail
      readonly tries: number; // that there is one
      readonly reasons: readonly Reason[];
      readonly model: string;
    };
  };
}

/** `knownUntil` and `saidAt`: UTC ms. The same list again has the same ids. */
export function likelyDocuments(
  likely: readonly Likely[],
  knownUntil: number,
  saidAt: number,
  model: string,
): readonly LikelyDocument[] {
  return likely.map(({ client, network = null, server = null, tunnel = null, risk, tries, reasons }) => ({
    '@timestamp': isoTime(saidAt),
    ecs: { version: '9.4.0' },
    event: { kind: 'alert', dataset: 'imapwhy.likely', start: isoTime(saidAt), end: isoTime(saidAt + HORIZON_MS) },
    message: `${client} would fail with ${Math.round(100 * risk)} %: ${reasons.map((r) => r.what).join('; ')}`,
    imapwhy: {
      likely: {
        id: createHash('sha256').update(`${saidAt} ${model} ${client}`).digest('hex').slice(0, 20),
        known_until: isoTime(knownUntil),
        client,
        network,
        server,
        tunnel,
        risk: rounded(risk),
        tries: rounded(tries),
        reasons: reasons.map(({ what, weight }) => ({ what, weight: rounded(weight) })),
        model,
      },
    },
  }));
}

const rounded = (x: number): number => Math.round(x * 1e6) / 1e6;
