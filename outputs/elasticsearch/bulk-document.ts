import type { AnomalyFinding } from '../../models/anomaly/finding.ts';
import type { LikelyDocument } from '../../models/prediction/likely-document.ts';
import { decodeSessionId } from '../../processors/parse/dovecot-session-id.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import type { DocumentKind, EventDocument, OutputBatch, WrittenDocument } from '../output.ts';
import { type PipelineDocument, pipelineId } from '../pipeline-document.ts';

/** Where a document goes, and as what. */
export interface BulkPlace {
  readonly kind: DocumentKind;
  readonly target: string; // data stream or index
  readonly id: string;
  readonly at: string; // event time, ISO 8601 UTC
  /** External version of a document that may be revised. Undefined: created once, never changed. */
  readonly version: number | undefined;
  readonly origin: string | undefined;
}

/** One document on its way into an index. */
export interface BulkDocument extends BulkPlace {
  readonly document: WrittenDocument;
}

/** More than a day between the id's time and the session's start: the id is not from this server's clock. */
const ANCHOR_TRUST_MS = 86_400_000;
const FAMILY = /^[a-z][a-z0-9_]{0,40}$/;

export function documentsOf(batch: OutputBatch, namespace: string): readonly BulkDocument[] {
  return [
    ...batch.events.map((e) => eventDocument(e, namespace)),
    ...batch.incidents.map((i) => incidentDocument(i, namespace)),
    ...(batch.findings ?? []).map((f) => anomalyDocument(f, namespace)),
    ...(batch.likely ?? []).map((l) => likelyDocument(l, namespace)),
    ...batch.profiles.map((p) => profileDocument(p, namespace)),
  ];
}

export function eventDocument({ id, document, origin }: EventDocument, namespace: string): BulkDocument {
  const { at, family } = eventKey(document);
  const target = eventStream(family, namespace);
  return { kind: 'event', target, id, at, version: undefined, document, origin };
}

/** What decides on an event's place. */
export function eventKey(document: EventDocument['document']): { readonly at: string; readonly family: string } {
  const at = document['@timestamp'];
  return { at: typeof at === 'string' ? at : '', family: familyOf(document.event) };
}

/** Documents that lie in an index a month, under external versions. */
export type MonthlyKind = 'profile' | 'incident' | 'anomaly' | 'likely';

/** The place of such a document, in whatever namespace. */
export interface MonthlyPlace {
  readonly kind: MonthlyKind;
  readonly month: string; // 2026.11
  readonly id: string;
  readonly at: string;
  readonly version: number;
}

export const profilePlace = (profile: Profile): MonthlyPlace => ({
  kind: 'profile',
  month: monthOf(anchorOf(profile)),
  id: profile.imapwhy.session.id,
  at: profile['@timestamp'],
  version: profile.imapwhy.revision,
});

export const incidentPlace = (incident: Incident): MonthlyPlace => ({
  kind: 'incident',
  month: monthOf(Date.parse(incident.event.start)),
  id: incident.imapwhy.incident.id,
  at: incident['@timestamp'],
  version: incident.imapwhy.revision,
});

export const anomalyPlace = (finding: AnomalyFinding): MonthlyPlace => ({
  kind: 'anomaly',
  month: monthOf(Date.parse(finding.event.start)),
  id: finding.imapwhy.anomaly.id,
  at: finding['@timestamp'],
  version: finding.imapwhy.revision,
});

/** Said once, of one moment: it is never revised. */
export const likelyPlace = (likely: LikelyDocument): MonthlyPlace => ({
  kind: 'likely',
  month: monthOf(Date.parse(likely['@timestamp'])),
  id: likely.imapwhy.likely.id,
  at: likely['@timestamp'],
  version: 1,
});

export const profileDocument = (profile: Profile, namespace: string): BulkDocument =>
  monthlyDocument(profilePlace(profile), profile, namespace);
export const incidentDocument = (incident: Incident, namespace: string): BulkDocument =>
  monthlyDocument(incidentPlace(incident), incident, namespace);
export const anomalyDocument = (finding: AnomalyFinding, namespace: string): BulkDocument =>
  monthlyDocument(anomalyPlace(finding), finding, namespace);
export const likelyDocument = (likely: LikelyDocument, namespace: string): BulkDocument =>
  monthlyDocument(likelyPlace(likely), likely, namespace);

export function monthlyDocument(
  { kind, month, id, at, version }: MonthlyPlace,
  document: object | Buffer,
  namespace: string,
): BulkDocument {
  return { kind, target: `${MONTHLY[kind]}-${namespace}-${month}`, id, at, version, document, origin: undefined };
}

const MONTHLY: Readonly<Record<MonthlyKind, string>> = {
  profile: 'imapwhy-profiles',
  incident: 'imapwhy-incidents',
  anomaly: 'imapwhy-anomalies',
  likely: 'imapwhy-likely',
};

export function pipelineDocument(document: PipelineDocument, namespace: string): BulkDocument {
  return {
    kind: 'pipeline',
    target: `metrics-imapwhy.pipeline-${namespace}`,
    id: pipelineId(document),
    at: document['@timestamp'],
    version: undefined,
    document,
    origin: undefined,
  };
}

export const eventStream = (family: string, namespace: string): string => `logs-imapwhy.${family}-${namespace}`;
export const profileIndices = (namespace: string): string => `${MONTHLY.profile}-${namespace}`;
export const incidentIndices = (namespace: string): string => `${MONTHLY.incident}-${namespace}`;

export const feedbackIndices = (namespace: string): string => `imapwhy-feedback-${namespace}`;

/** The first part of `event.dataset`: `dovecot` of `dovecot.login`. It becomes part of a name, so nothing else than a plain word is taken. */
function familyOf(event: unknown): string {
  if (typeof event !== 'object' || event === null || !('dataset' in event)) return 'unparsed';
  const { dataset } = event;
  const family = typeof dataset === 'string' ? (dataset.split('.', 1)[0] ?? '') : '';
  return FAMILY.test(family) ? family : 'unparsed';
}

/** What decides on a profile's index must not move when an earlier line turns up or a clock is corrected: the time in Dovecot's id, where it has one. */
function anchorOf(profile: Profile): number {
  const start = Date.parse(profile.event.start);
  const { dovecot_id: id } = profile.imapwhy.session;
  const decoded = id === null ? undefined : decodeSessionId(id, start);
  return decoded !== undefined && Math.abs(decoded.at - start) <= ANCHOR_TRUST_MS ? decoded.at : start;
}

/** `2026.11` */
export function monthOf(epochMs: number): string {
  if (!Number.isFinite(epochMs)) return 'unknown';
  return new Date(epochMs).toISOString().slice(0, 7).replace('-', '.');
}
