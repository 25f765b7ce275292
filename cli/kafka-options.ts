/** Which cluster a command talks to: `--brokers`, or the section `kafka` of a configuration file. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { KafkaConfigError, kafkaConnection, kafkaSection } from '../ingest/kafka/config.ts';
import type { KafkaConnection } from '../ingest/kafka/connection.ts';
import type { Kafka } from '../ingest/kafka/port.ts';
import { issuesText, readConfigFile } from './config-file.ts';
import { UseError } from './use-error.ts';

export interface KafkaOptions {
  readonly brokers?: string;
  readonly config?: string;
  readonly topicPrefix?: string;
}

interface KafkaChoice {
  readonly connection: KafkaConnection;
  readonly topicPrefix: string;
}

/** The other sections belong to other commands. */
const kafkaPart = v.object({ kafka: kafkaSection });

export function withKafkaOptions(command: Command): Command {
  return command
    .option('--brokers <list>', 'HOST:PORT,… of a cluster that asks for no password; for everything else --config')
    .option('--config <file>', 'a configuration file (YAML) with a section kafka')
    .option(
      '--topic-prefix <prefix>',
      'beginning of all topic names (default: topic_prefix of the file, else imapwhy)',
    );
}

/** Connects on first use. The client is loaded only here: most commands need none. */
export async function openKafka(
  options: KafkaOptions,
): Promise<{ readonly kafka: Kafka; readonly topicPrefix: string }> {
  const { connection, topicPrefix } = await kafkaChoice(options);
  const { kafkajsKafka } = await import('../ingest/kafka/kafkajs/client.ts');
  return { kafka: kafkajsKafka(connection), topicPrefix };
}

/** Throws a UseError for a choice that makes no sense, or a file that does not. */
async function kafkaChoice(options: KafkaOptions): Promise<KafkaChoice> {
  if ((options.brokers === undefined) === (options.config === undefined))
    throw new UseError('which Kafka? Name --brokers HOST:PORT,… or --config FILE, one of them.');
  const data: unknown =
    options.config === undefined
      ? { kafka: { brokers: options.brokers?.split(',').map((text) => text.trim()) } }
      : readConfigFile(options.config);
  const prefixed = options.topicPrefix === undefined ? data : withPrefix(data, options.topicPrefix);
  const result = v.safeParse(kafkaPart, prefixed);
  if (!result.success) {
    throw new UseError(
      `${options.config ?? '--brokers'}: ${issuesText(result.issues)}. docs/kafka.md shows the section kafka.`,
    );
  }
  const section = result.output.kafka;
  try {
    return { connection: await kafkaConnection(section), topicPrefix: section.topic_prefix };
  } catch (error) {
    if (error instanceof KafkaConfigError) throw new UseError(`${options.config}: ${error.message}.`);
    throw error;
  }
}

function withPrefix(data: unknown, prefix: string): unknown {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isObject(data) || !('kafka' in data) || !isObject(data.kafka)) return data;
  return { ...data, kafka: { ...data.kafka, topic_prefix: prefix } };
}
