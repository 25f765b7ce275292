/**
 * Dead letters: a record that cannot be done goes, key and value untouched, to `<topic>.dlq`, and the rest flows on. The headers say why and where from,
 * so that it can be sent again once the reason is gone. Pure; cli/dlq.ts shows and sends them.
 */
import type { ConsumedRecord, RecordToSend, TopicPartition } from './port.ts';

export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;

/** The code of a dead letter whose value is a batch that is damaged, with all its records: it can be looked at, not sent again as one of them. */
export const UNDECODABLE = 'undecodable';

export const DLQ_HEADERS = {
  /** Short and fixed, for counting: `handler_failed`, `mapping_conflict`. */
  code: 'imapwhy.dlq.code',
  /** Name of the error's class. */
  errorClass: 'imapwhy.dlq.class',
  message: 'imapwhy.dlq.message',
  stage: 'imapwhy.dlq.stage',
  topic: 'imapwhy.dlq.topic',
  partition: 'imapwhy.dlq.partition',
  offset: 'imapwhy.dlq.offset',
  timestamp: 'imapwhy.dlq.timestamp',
  /** How often it was tried, over all replays. */
  attempt: 'imapwhy.dlq.attempt',
  version: 'imapwhy.dlq.version',
} as const;
const namesOfOurs: ReadonlySet<string> = new Set(Object.values(DLQ_HEADERS));

export interface DeadLetterReason {
  readonly code: string;
  /** `parse`, `correlate`, `index`. */
  readonly stage: string;
  readonly errorClass: string;
  /** For people. It may hold text of the record: show it only as safe text. */
  readonly message: string;
}

/** What the headers of a dead letter say. Fields that are missing or broken are undefined: dead letters may be written by others. */
export interface DeadLetter {
  readonly code: string | undefined;
  readonly errorClass: string | undefined;
  readonly message: string | undefined;
  readonly stage: string | undefined;
  readonly origin: (TopicPartition & { readonly offset: number }) | undefined;
  readonly timestamp: number | undefined;
  readonly attempt: number;
  readonly version: string | undefined;
}

const messageBytesMax = 2_000;
const topicPattern = /^[A-Za-z0-9._-]{1,249}$/;

/** The record to write to the dead letter topic. Its headers stay, so that its identity does. */
export function toDeadLetter(
  record: ConsumedRecord,
  where: TopicPartition,
  reason: DeadLetterReason,
  version: string,
): RecordToSend {
  const attempt = (number(record.headers, DLQ_HEADERS.attempt) ?? 0) + 1;
  return {
    topic: deadLetterTopic(where.topic),
    key: record.key,
    value: record.value,
    headers: [
      ...kept(record.headers),
      [DLQ_HEADERS.code, Buffer.from(reason.code)],
      [DLQ_HEADERS.errorClass, Buffer.from(reason.errorClass)],
      [DLQ_HEADERS.message, Buffer.from(reason.message).subarray(0, messageBytesMax)],
      [DLQ_HEADERS.stage, Buffer.from(reason.stage)],
      [DLQ_HEADERS.topic, Buffer.from(where.topic)],
      [DLQ_HEADERS.partition, Buffer.from(String(where.partition))],
      [DLQ_HEADERS.offset, Buffer.from(String(record.offset))],
      [DLQ_HEADERS.timestamp, Buffer.from(String(record.timestamp))],
      [DLQ_HEADERS.attempt, Buffer.from(String(attempt))],
      [DLQ_HEADERS.version, Buffer.from(version)],
    ],
  };
}

export function readDeadLetter({ headers }: ConsumedRecord): DeadLetter {
  const topic = text(headers, DLQ_HEADERS.topic);
  const partition = number(headers, DLQ_HEADERS.partition);
  const offset = number(headers, DLQ_HEADERS.offset);
  const known = topic !== undefined && topicPattern.test(topic) && partition !== undefined && offset !== undefined;
  return {
    code: text(headers, DLQ_HEADERS.code),
    errorClass: text(headers, DLQ_HEADERS.errorClass),
    message: text(headers, DLQ_HEADERS.message),
    stage: text(headers, DLQ_HEADERS.stage),
    origin: known ? { topic, partition, offset } : undefined,
    timestamp: number(headers, DLQ_HEADERS.timestamp),
    attempt: number(headers, DLQ_HEADERS.attempt) ?? 0,
    version: text(headers, DLQ_HEADERS.version),
  };
}

/**
 * The record as it was, for its old partition; only the number of attempts goes with it. undefined when it does not say where it came from,
 * or names another topic than the one that this dead letter topic belongs to: nobody writes where they please by way of a dead letter.
 */
export function toReplay(record: ConsumedRecord, deadLetters: string): RecordToSend | undefined {
  const { origin, timestamp, attempt, code } = readDeadLetter(record);
  if (origin === undefined || deadLetterTopic(origin.topic) !== deadLetters || code === UNDECODABLE) return undefined;
  return {
    topic: origin.topic,
    partition: origin.partition,
    key: record.key,
    value: record.value,
    headers: [...kept(record.headers), [DLQ_HEADERS.attempt, Buffer.from(String(attempt))]],
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

const kept = (headers: ReadonlyMap<string, Buffer>): readonly (readonly [string, Buffer])[] =>
  [...headers].filter(([name]) => !namesOfOurs.has(name));

function text(headers: ReadonlyMap<string, Buffer>, name: string): string | undefined {
  const bytes = headers.get(name);
  return bytes === undefined ? undefined : bytes.subarray(0, messageBytesMax).toString('utf8');
}

function number(headers: ReadonlyMap<string, Buffer>, name: string): number | undefined {
  const value = headers.get(name);
  const digits = value !== undefined && value.length <= 15 ? value.toString('latin1') : '';
  return /^[0-9]{1,15}$/.test(digits) ? Number(digits) : undefined;
}
