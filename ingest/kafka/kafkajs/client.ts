/** The shipped adapter: kafkajs 2.2.4 behind the port. kafkajs is no longer developed, so what it does wrong is mended or guarded against in this folder. */
import type { ConnectionOptions } from 'node:tls';
import kafkajs, { type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { KafkaConnection, KafkaSasl, KafkaTls } from '../connection.ts';
import type { Kafka } from '../port.ts';
import { KafkajsAdmin } from './admin.ts';
import { installCodecs } from './codecs.ts';
import { consume } from './consume.ts';
import { mendKafkajs } from './mends.ts';
import { openProducer } from './produce.ts';
import { read } from './read.ts';
import { openTransactor } from './transact.ts';

/** Of one request; a broker that is frozen is given up after it. */
const requestTimeoutMs = 20_000;
const connectTimeoutMs = 5_000;
/** In all about 4 s; longer patience lies with those who know what is safe. */
const retry = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 };
/** Half a minute for a broker that restarts: only the producer that sent a record can send it again without doubling it. */
const patientRetry = { initialRetryTime: 100, maxRetryTime: 5_000, retries: 12 };

let prepared = false;

/** Connects on first use. */
export function kafkajsKafka(connection: KafkaConnection): Kafka {
  if (!prepared) {
    mendKafkajs();
    installCodecs();
    prepared = true;
  }
  const options: KafkaConfig = {
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry,
    // Every error reaches the caller as a value; its log would put them on the user's screen a second time.
    logLevel: kafkajs.logLevel.NOTHING,
    ...(connection.tls === undefined ? {} : { ssl: tlsOptions(connection.tls) }),
    ...(connection.sasl === undefined ? {} : { sasl: saslOptions(connection.sasl) }),
  };
  const client = new kafkajs.Kafka(options);
  const patientClient = new kafkajs.Kafka({ ...options, retry: patientRetry });
  const admin = new KafkajsAdmin(client);
  const compression = compressionTypes[connection.compression ?? 'none'];
  const open = new Set<{ close(): Promise<void> }>();
  /** Until it is closed; a worker opens a transactor for every partition that it ever had. */
  const track = <T extends { close(): Promise<void> }>(opened: T): T => {
    const close = opened.close.bind(opened);
    opened.close = async () => {
      open.delete(opened);
      await close();
    };
    open.add(opened);
    return opened;
  };
  return {
    consume: async (options, handler) => {
      const consumption = await consume(client, admin, options, handler);
      track({ close: () => consumption.stop() });
      return consumption;
    },
    producer: async () => track(await openProducer(patientClient, admin, compression)),
    transactor: async (id) => track(await openTransactor(client, admin, id, compression)),
    read: async (options, handler) => {
      const reading = await read(client, admin, connection.clientId, options, handler);
      track({ close: () => reading.stop() });
      return reading;
    },
    listTopics: () => admin.listTopics(),
    createTopics: (topics) => admin.createTopics(topics),
    describeTopics: (topics) => admin.describeTopics(topics),
    committedOffsets: (group, topic, partitions) => admin.committedOffsets(group, topic, partitions),
    close: async () => {
      await Promise.all([...open].map((opened) => opened.close()));
      open.clear();
      await admin.close();
    },
  };
}

const compressionTypes = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  snappy: kafkajs.CompressionTypes.Snappy,
  lz4: kafkajs.CompressionTypes.LZ4,
  zstd: kafkajs.CompressionTypes.ZSTD,
} as const;

function tlsOptions(tls: KafkaTls): ConnectionOptions {
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    rejectUnauthorized: tls.insecure !== true,
  };
}

/** One literal a mechanism: kafkajs's types want to see which it is. */
function saslOptions({ mechanism, username, password }: KafkaSasl): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}
