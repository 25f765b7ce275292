/** The clients that the port must be able to stand on; every test of the port runs with each. */
import type { KafkaConnection } from '../../ingest/kafka/connection.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';
import { platformaticKafka } from './platformatic-kafka.ts';

export interface KafkaClient {
  readonly name: string;
  open(connection: KafkaConnection): Kafka;
}

export const clients: readonly KafkaClient[] = [
  { name: 'kafkajs', open: kafkajsKafka },
  { name: '@platformatic/kafka', open: platformaticKafka },
];

let count = 0;

/** A name that no other test has, so that tests share a broker. */
export const fresh = (word: string): string => `${word}-${process.pid}-${Date.now().toString(36)}-${count++}`;
