/** The sample in the order of time, as its hosts would have sent it. */

import { ParsePartition } from '../../cli/stream/parse-partition.ts';
import type { Producer, RecordToSend } from '../../ingest/kafka/port.ts';
import { endOfInput, readRawRecord } from '../../ingest/kafka/raw-record.ts';
import { newRedaction } from '../../processors/redact.ts';
import { UTC } from '../../processors/time.ts';
import { TEST_KEY } from '../cli/stream/in-memory.ts';
import { type SampleTopic, sampleTopics } from '../servers/streaming-sample.ts';

export class PacedSample {
  readonly topics: readonly string[];
  readonly total: number;
  /** The first record of each topic: from it everybody knows from when on a source speaks. */
  private readonly first: readonly RecordToSend[];
  private readonly rest: readonly RecordToSend[];
  private readonly producer: Producer;
  private at = 0;
  private sending: Promise<void> = Promise.resolve();

  private constructor(topics: readonly SampleTopic[], producer: Producer) {
    this.topics = topics.map(({ topic }) => topic);
    this.first = topics.flatMap(({ records }) => records.slice(0, 1));
    this.rest = inTime(topics);
    this.total = this.rest.length;
    this.producer = producer;
  }

  static async open(prefix: string, producer: Producer): Promise<PacedSample> {
    return new PacedSample(await sampleTopics(prefix), producer);
  }

  get left(): number {
    return this.total - this.at;
  }

  sendFirst(): Promise<void> {
    return this.producer.send(this.first);
  }

  /** The next so many records, a few at a time. */
  async send(count: number): Promise<void> {
    for (const to = Math.min(this.total, this.at + count); this.at < to; ) {
      const some = this.rest.slice(this.at, Math.min(to, this.at + AT_ONCE));
      this.at += some.length;
      this.sending = this.sending.then(() => this.producer.send(some));
      await this.sending;
    }
  }

  /** Nothing of ours is on its way while `act` runs: whatever it does to the broker, each line is sent once. */
  async quiet(act: () => Promise<void>): Promise<void> {
    const turn = this.sending.then(act);
    this.sending = turn.catch(() => {}); // told by the turn itself
    await turn;
  }
}

const AT_ONCE = 100;

interface Timed {
  readonly record: RecordToSend;
  readonly at: number;
}

function inTime(topics: readonly SampleTopic[]): readonly RecordToSend[] {
  const redaction = newRedaction(TEST_KEY);
  const all: Timed[] = [];
  for (const { topic, records } of topics) {
    const reader = new ParsePartition({ topic, partition: 0, partitions: 1, zone: UTC, redaction });
    let last = Number.NEGATIVE_INFINITY;
    records.forEach((record, offset) => {
      const headers = new Map(record.headers);
      const read = readRawRecord(
        { offset, timestamp: 0, key: null, value: record.value, headers },
        { topic, partition: 0 },
      );
      if (read) {
        const { text, near, fingerprint, source: name, clock } = read;
        const origin = { fingerprint, offset: read.offset, name, zone: UTC, clock };
        reader.push([{ offset, timestamp: near ?? 0, text, origin }], Number.POSITIVE_INFINITY);
      }
      last = reader.progress(false).reached ?? last;
      if (offset > 0) all.push({ record, at: last });
    });
    all.push({ record: endOfInput({ topic, partition: 0 }), at: last });
  }
  return all.sort((a, b) => a.at - b.at).map(({ record }) => record);
}
