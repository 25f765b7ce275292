import { toDeadLetter, UNDECODABLE } from '../../ingest/kafka/dead-letter.ts';
import type { Batch, Lease, RecordToSend } from '../../ingest/kafka/port.ts';
import {
  anomalyPlace,
  incidentPlace,
  likelyPlace,
  type MonthlyPlace,
  profilePlace,
} from '../../outputs/elasticsearch/bulk-document.ts';
import { version } from '../version.ts';
import { readFactBatch } from './messages.ts';
import { placeHeaders } from './place-header.ts';
import { rejectedLetter } from './rejected.ts';
import { asBytes, readState } from './restore.ts';
import { type RejectedSiteFact, type SiteOptions, SitePartition } from './site-partition.ts';
import { readSiteState, writeSiteState } from './site-state.ts';
import type { Topics } from './topics.ts';
import { StatefulWorker, type Step, type WorkerContext } from './worker.ts';

export interface SiteWorkerOptions extends SiteOptions {
  readonly topics: Topics;
  /** The state is written down this often; after a restart the facts since then are read again, and give the same documents again. */
  readonly snapshotMs: number;
}

/** Facts in, profiles and incidents out. One partition: the company that everybody keeps is one. */
export class SiteWorker extends StatefulWorker<SitePartition> {
  private readonly options: SiteWorkerOptions;
  private writtenAt = Date.now();
  private advice: string | undefined;

  constructor(options: SiteWorkerOptions, context: WorkerContext) {
    super('site', context);
    this.options = options;
  }

  protected async restore(leases: readonly Lease[]): Promise<readonly SitePartition[]> {
    const states = await readState(this.context.kafka, this.options.topics.siteState, [0], asBytes, (e) =>
      this.failed(e),
    );
    const stored = readSiteState(states.get(0) ?? new Map());
    return leases.map(() => new SitePartition(this.options, stored?.state, stored?.forecast));
  }

  protected doneUpTo(state: SitePartition, { end }: Batch): number {
    return state.next > end ? 0 : state.next; // what ends before was made anew
  }

  protected isBlank({ next }: SitePartition): boolean {
    return next === 0;
  }

  protected get stateTopic(): string {
    return this.options.topics.siteState;
  }

  protected process(state: SitePartition, { lease, records, next }: Batch): Step {
    const { topics, snapshotMs } = this.options;
    const out: RecordToSend[] = [];
    let hasDead = false;
    for (const record of records) {
      const batch = record.undecodable === undefined ? readFactBatch(record.value) : undefined;
      if (!batch) {
        hasDead = true;
        const reason = {
          code: record.undecodable === undefined ? 'malformed' : UNDECODABLE,
          stage: 'correlate',
          errorClass: 'Error',
          message: record.undecodable ?? 'This is no batch of facts.',
        };
        out.push(toDeadLetter(record, lease, reason, version));
        this.context.counters.add('dead_letters_total', 'correlate');
        continue;
      }
      const rejected: RejectedSiteFact[] = [];
      const { profiles, incidents, findings, likely } = state.take(batch, rejected);
      hasDead ||= rejected.length > 0;
      for (const { fact, error } of rejected) {
        const value = Buffer.from(JSON.stringify({ progress: null, sources: [], facts: [fact] }));
        out.push(rejectedLetter(value, record, lease, error));
        this.context.counters.add('dead_letters_total', 'correlate');
      }
      for (const p of profiles) out.push(document(topics.profiles, profilePlace(p), p));
      for (const i of incidents) out.push(document(topics.incidents, incidentPlace(i), i));
      for (const f of findings) out.push(document(topics.anomalies, anomalyPlace(f), f));
      for (const l of likely) out.push(document(topics.likely, likelyPlace(l), l));
      this.context.counters.add('documents_total', 'profile', profiles.length);
      this.context.counters.add('documents_total', 'incident', incidents.length);
      this.context.counters.add('documents_total', 'anomaly', findings.length);
      this.context.counters.add('documents_total', 'likely', likely.length);
    }
    state.next = next;
    // A dead letter is written once: with the state and the offset, so that a restart does not come past it again.
    if (!hasDead && Date.now() - this.writtenAt < snapshotMs) return { records: out, next: undefined };
    this.writtenAt = Date.now();
    this.tellAdvice(state.advice);
    out.push(...writeSiteState(state.toData(), state.forecastChanges(), topics.siteState));
    return { records: out, next };
  }

  /** Once, not every half minute. */
  private tellAdvice(advice: string | undefined): void {
    if (advice !== undefined && advice !== this.advice) this.context.log(`prediction: ${advice}`);
    this.advice = advice;
  }
}

/** By its id, so that a topic that is compacted keeps the newest revision. */
const document = (topic: string, place: MonthlyPlace, value: object): RecordToSend => ({
  topic,
  key: Buffer.from(place.id),
  value: Buffer.from(JSON.stringify(value)),
  headers: placeHeaders(place),
});
