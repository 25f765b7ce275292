import { distinctLogs } from '../../cli/distinct-logs.ts';
import { prepareSources } from '../../cli/prepare.ts';
import { findInputs } from '../../ingest/find.ts';
import type { Kafka, Producer, RecordToSend } from '../../ingest/kafka/port.ts';
import { endOfInput, rawHeaders } from '../../ingest/kafka/raw-record.ts';
import { type OpenedLog, openLog } from '../../ingest/open.ts';
import { UTC } from '../../processors/time.ts';

/** The sample's logs as raw records: one topic a source, in time for `prefix`. */
export const sampleFolder = new URL('../../samples/lab-a/logs', import.meta.url).pathname;

export const sampleClock = { zone: UTC, zoneBySource: [], near: undefined, now: Date.UTC(2026, 10, 25) };

export interface SampleTopic {
  readonly topic: string;
  readonly records: readonly RecordToSend[];
}

export async function sampleTopics(prefix: string, folder = sampleFolder): Promise<readonly SampleTopic[]> {
  const opened: OpenedLog[] = [];
  for (const input of (await findInputs([folder])).inputs) opened.push(await openLog(input, opened.length));
  const { sources } = await prepareSources(distinctLogs(opened.filter((log) => log.head !== '')).distinct, sampleClock);
  return Promise.all(
    sources.map(async ({ log, zone, near, clock }, i) => {
      const topic = `${prefix}.raw.${i}`;
      const { fingerprint, name: source } = log.source;
      const records: RecordToSend[] = [];
      for await (const batch of log.batches())
        for (const { text, offset, flaw } of batch.records) {
          const headers = rawHeaders({ fingerprint, offset, source, zone: zone.name, near, clock, flaw });
          records.push({ topic, partition: 0, key: null, value: Buffer.from(text), headers });
        }
      return { topic, records };
    }),
  );
}

const AT_ONCE = 2000;

/** Sends all of it, the sources side by side; `pace` is waited for between two rounds. */
export async function sendSample(
  producer: Producer,
  topics: readonly SampleTopic[],
  pace: () => Promise<void> = async () => {},
): Promise<void> {
  const most = Math.max(...topics.map((t) => t.records.length));
  for (let from = 0; from < most; from += AT_ONCE) {
    for (const { records } of topics) {
      const some = records.slice(from, from + AT_ONCE);
      if (some.length > 0) await producer.send(some);
    }
    await pace();
  }
}

export async function sendEnd(producer: Producer, topics: readonly SampleTopic[]): Promise<void> {
  await producer.send(topics.map(({ topic }) => endOfInput({ topic, partition: 0 })));
}

/** The newest value of each key. */
export async function newestOf(kafka: Kafka, topic: string): Promise<ReadonlyMap<string, string>> {
  const newest = new Map<string, { readonly revision: number; readonly text: string }>();
  const reading = await kafka.read(
    { topic },
    {
      records(_, records) {
        for (const { key, value } of records) {
          const id = String(key);
          const text = String(value);
          const { revision = 0 } = JSON.parse(text).imapwhy;
          if (revision >= (newest.get(id)?.revision ?? 0)) newest.set(id, { revision, text });
        }
      },
      failed(error) {
        throw error;
      },
    },
  );
  await reading.caughtUp;
  return new Map([...newest].map(([id, { text }]) => [id, text]));
}
