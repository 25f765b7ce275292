/** A broker and an index of our own for measurements, and programs beside them whose CPU can be read. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { Kafka, Producer, RecordToSend } from '../../ingest/kafka/port.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { cpuSeconds } from '../../test/servers/child-server.ts';
import { type ElasticsearchServer, startElasticsearch } from '../../test/servers/elasticsearch.ts';
import { configFor, installTemplates } from '../../test/servers/elasticsearch-setup.ts';
import { type KafkaServer, startOwnKafka } from '../../test/servers/kafka.ts';
import type { SampleTopic } from '../../test/servers/streaming-sample.ts';
import { until } from '../../test/servers/until.ts';

export interface StreamWorld {
  readonly broker: KafkaServer;
  readonly index: ElasticsearchServer;
  readonly kafka: Kafka;
  readonly producer: Producer;
  readonly request: Request;
  close(): Promise<void>;
}

export async function startStreamWorld(): Promise<StreamWorld> {
  const [broker, index] = await Promise.all([
    startOwnKafka({ forSpeed: true }),
    startElasticsearch({ own: true, heap: '1g', forSpeed: true }),
  ]);
  const kafka = kafkajsKafka({ brokers: broker.brokers, clientId: 'bench', compression: 'zstd' });
  const connection = connect(configFor(index.url));
  await installTemplates(configFor(index.url));
  return {
    broker,
    index,
    kafka,
    producer: await kafka.producer(),
    request: connection.request,
    async close() {
      await kafka.close();
      await connection.close();
      await Promise.all([broker.stop(), index.stop()]);
    },
  };
}

/** CPU in seconds since the process began. */
export interface Cpu {
  readonly own: number;
  readonly broker: number;
  readonly index: number;
}

/** What the servers and a process have used so far. */
export async function cpuNow({ broker, index }: StreamWorld, pid: number | undefined): Promise<Cpu> {
  const [own, ofBroker, ofIndex] = await Promise.all([cpuSeconds(pid), broker.cpuSeconds(), index.cpuSeconds()]);
  return { own: own ?? 0, broker: ofBroker ?? 0, index: ofIndex ?? 0 };
}

/** Waits until a process and the index have next to nothing to do. */
export async function atRest(world: StreamWorld, pid: number): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    const before = await cpuNow(world, pid);
    await sleep(1000);
    const after = await cpuNow(world, pid);
    quiet = after.own - before.own + after.index - before.index < 0.25 ? quiet + 1 : 0;
  }
}

/** Documents that were indexed, searchable or not. */
export async function indexedIn({ request }: StreamWorld, pattern: string): Promise<number> {
  const { body } = await request('GET', `/${pattern}/_stats/indexing`, undefined, {
    query: { filter_path: '_all.primaries.indexing.index_total' },
  });
  const { _all } = body as { _all?: { primaries?: { indexing?: { index_total?: number } } } };
  return _all?.primaries?.indexing?.index_total ?? 0;
}

export async function allIndexed(world: StreamWorld, pattern: string, count: number): Promise<void> {
  await until(
    `${count} documents in ${pattern}`,
    async () => {
      await sleep(100);
      return (await indexedIn(world, pattern)) >= count;
    },
    600_000,
  );
}

/** Bytes of memory, as the system counts them: now, and at most so far. */
export async function memoryOf(pid: number): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

const AT_ONCE = 2000;

/** Sends the part of each topic between two fractions of it, the topics side by side. */
export async function sendPart(
  producer: Producer,
  topics: readonly SampleTopic[],
  from: number,
  to: number,
): Promise<void> {
  const total = topics.reduce((sum, { records }) => sum + records.length, 0);
  const steps = Math.max(1, Math.ceil(((to - from) * total) / AT_ONCE));
  for (let step = 0; step < steps; step++)
    await producer.send(part(topics, from + ((to - from) * step) / steps, from + ((to - from) * (step + 1)) / steps));
}

export function part(topics: readonly SampleTopic[], from: number, to: number): readonly RecordToSend[] {
  return topics.flatMap(({ records }) =>
    records.slice(Math.ceil(from * records.length), Math.ceil(to * records.length)),
  );
}

/** Bytes of keys and values that lie in each topic whose name begins so. */
export async function bytesByTopic({ kafka }: StreamWorld, prefix: string): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  for (const topic of (await kafka.listTopics()).filter((name) => name.startsWith(prefix))) {
    let sum = 0;
    const reading = await kafka.read(
      { topic },
      {
        records(_, records) {
          for (const { key, value } of records) sum += (key?.length ?? 0) + (value?.length ?? 0);
        },
        failed(error) {
          throw error;
        },
      },
    );
    await reading.caughtUp;
    bytes.set(topic, sum);
  }
  return bytes;
}
