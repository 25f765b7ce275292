/** A broker, an Elasticsearch, and deployments of `imapwhy run` on them, each with topics and indices of its own: what every test of the whole service begins with. */
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import kafkajs, { type Admin } from 'kafkajs';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { Kafka, RecordToSend } from '../../ingest/kafka/port.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import type { ChildServer } from './child-server.ts';
import {
  type ElasticsearchOptions,
  type ElasticsearchServer,
  startElasticsearch,
  uniqueNamespace,
} from './elasticsearch.ts';
import { allDocuments, configFor, installTemplates } from './elasticsearch-setup.ts';
import { logOf, startImapwhy } from './imapwhy-process.ts';
import { type KafkaOptions, type KafkaServer, startOwnKafka } from './kafka.ts';
import { patternOf, totalsOf } from './stored-documents.ts';

export interface Servers {
  readonly broker: KafkaServer;
  readonly index: ElasticsearchServer;
  readonly kafka: Kafka;
  /** For what the port leaves to people: topics that grow or go, rights. */
  readonly admin: Admin;
  readonly request: Request;
  stop(): Promise<void>;
}

export async function startServers(
  options: { readonly kafka?: KafkaOptions; readonly elasticsearch?: ElasticsearchOptions } = {},
): Promise<Servers> {
  const [broker, index] = await Promise.all([
    startOwnKafka(options.kafka),
    startElasticsearch({ own: true, ...options.elasticsearch }),
  ]);
  const kafka = kafkajsKafka({ brokers: broker.brokers, clientId: 'test' });
  const client = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  const connection = connect(configFor(index.url));
  await installTemplates(configFor(index.url));
  return {
    broker,
    index,
    kafka,
    admin,
    request: connection.request,
    async stop() {
      await kafka.close();
      await admin.disconnect();
      await connection.close();
      await Promise.all([broker.stop(), index.stop()]);
    },
  };
}

export interface Deployment {
  readonly namespace: string;
  /** Its raw topics, in the order of `inputs`. */
  readonly topics: readonly string[];
  start(more?: object): Promise<ChildServer>;
  /** What it has said so far. */
  said(): Promise<string>;
  /** How many events can be found in the index. */
  count(): Promise<number>;
  /** The ids of all events in the index, one for each document, sorted; once nothing is written any more. */
  events(): Promise<readonly string[]>;
}

/** `inputs`: the last part of the name of each raw topic. `more`: settings beside those that every deployment has. What still runs after the test is killed. */
export function deploy(
  t: TestContext,
  { broker, index, request }: Servers,
  folder: string,
  inputs: readonly string[],
  more: object = {},
): Deployment {
  const namespace = uniqueNamespace();
  const topics = inputs.map((input) => `${namespace}.raw.${input}`);
  return {
    namespace,
    topics,
    async start(changes = {}) {
      const service = await startImapwhy(
        {
          kafka: { brokers: broker.brokers, topic_prefix: namespace },
          elasticsearch: { nodes: [index.url], namespace },
          inputs: topics.map((topic) => ({ topic })),
          partitions: 2,
          snapshot_seconds: 1,
          idle_seconds: 2,
          session_seconds: 6,
          ...more,
          ...changes,
        },
        { folder, name: namespace },
      );
      t.after(() => service.stop('SIGKILL'));
      return service;
    },
    said: () => readFile(logOf(folder, namespace), 'utf8'),
    count: async () => (await totalsOf(request, 'events', namespace)).count,
    async events() {
      const documents = await allDocuments(request, patternOf('events', namespace));
      return documents.map(({ id }) => id).sort();
    },
  };
}

/** A numbered attempt that ends before anybody has said who he is, a second after the one before: a session of its own, which needs no company. */
export function login(n: number): string {
  const at = new Date(Date.UTC(2026, 10, 24, 4) + n * 1000).toISOString().slice(11, 19);
  const session = Buffer.from(String(n).padStart(12, '0')).toString('base64');
  return `Nov 24 ${at} mx1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=192.0.2.${n % 250}, lip=192.0.2.251, TLS, session=<${session}>`;
}

export const logins = (topic: string, from: number, to: number, partition = 0): readonly RecordToSend[] =>
  Array.from({ length: to - from }, (_, i) => ({ topic, partition, key: null, value: Buffer.from(login(from + i)) }));
