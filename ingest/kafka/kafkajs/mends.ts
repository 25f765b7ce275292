/** Mends what kafkajs 2.2.4 does wrong or slowly, since no correction will ever be released. Another version is refused: what is mended may look different there. */
import { createRequire } from 'node:module';
import { type AbortedTransaction, type FetchedRecord, hideAborted } from './aborted.ts';
import { codecOf } from './codecs.ts';
import { beginAtBeginning } from './first-offsets.ts';
import { askingForStable, type Definition } from './offset-fetch.ts';
import { produceRequest } from './produce-request.ts';
import { decodeBatches, isBatches } from './record-batch.ts';
import { fetchRefusal, transactionRefusal } from './refusal.ts';

const require = createRequire(import.meta.url);

export function mendKafkajs(): void {
  mendMethod(
    'kafkajs/src/network/requestQueue/index.js',
    'scheduleCheckPendingRequests',
    () => scheduleCheckPendingRequests,
  );
  mendMethod('kafkajs/src/broker/index.js', 'fetch', withoutAborted);
  mendMethod('kafkajs/src/cluster/index.js', 'findGroupCoordinatorMetadata', (original) =>
    rememberedForTransactions(withReason(original)),
  );
  mendMethod('kafkajs/src/consumer/consumerGroup.js', 'recoverFromFetch', unlessItIsGone);
  mendMethod('kafkajs/src/consumer/offsetManager/index.js', 'resolveOffsets', () => beginAtBeginning);
  mendMethod('kafkajs/src/protocol/encoder.js', 'ensureAvailable', () => ensureAvailable);
  mendDefinition('kafkajs/src/protocol/requests/offsetFetch/index.js', askingForStable);
  mendExport('kafkajs/src/protocol/requests/fetch/v0/response.js', 'parse', fetchRefusal);
  mendExport('kafkajs/src/protocol/requests/addPartitionsToTxn/v0/response.js', 'parse', transactionRefusal);
  replaceModule('kafkajs/src/protocol/requests/produce/v3/request.js', () => produceRequest);
  replaceModule('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js', inOnePass);
}

/** These are loaded with the first request of their kind. */
function replaceModule(file: string, replacement: (original: unknown) => unknown): void {
  const path = require.resolve(file);
  const wasUsed = require.cache[path] !== undefined;
  const original: unknown = require(file);
  const loaded = require.cache[path];
  if (wasUsed || loaded === undefined || typeof original !== 'function')
    throw new Error(
      `kafkajs was used before it was mended, or is not the version that this was written for (2.2.4): ${file}`,
    );
  loaded.exports = replacement(original);
}

/** Before anything else has taken it from there. */
function mendExport(file: string, name: string, mend: (original: unknown) => unknown): void {
  const loaded: unknown = require(file);
  if (typeof loaded !== 'object' || loaded === null || typeof Reflect.get(loaded, name) !== 'function')
    throw new Error(`kafkajs is not the version that this was written for (2.2.4): ${file} has no ${name}`);
  Reflect.set(loaded, name, mend(Reflect.get(loaded, name)));
}

/** What kafkajs knows of a kind of request; its table of them holds this very object. */
function mendDefinition(file: string, mend: (original: Definition) => Definition): void {
  const loaded: unknown = require(file);
  if (!isDefinition(loaded))
    throw new Error(`kafkajs is not the version that this was written for (2.2.4): ${file} defines no request`);
  Object.assign(loaded, mend({ ...loaded }));
}

const isDefinition = (value: unknown): value is Definition =>
  typeof value === 'object' &&
  value !== null &&
  Array.isArray(Reflect.get(value, 'versions')) &&
  typeof Reflect.get(value, 'protocol') === 'function';

function mendMethod(file: string, name: string, mend: (original: unknown) => unknown): void {
  const loaded: unknown = require(file);
  const original: unknown =
    typeof loaded === 'function' ? Object.getOwnPropertyDescriptor(loaded.prototype, name)?.value : undefined;
  if (typeof loaded !== 'function' || typeof original !== 'function')
    throw new Error(`kafkajs is not the version that this was written for (2.2.4): ${file} has no ${name}`);
  Object.defineProperty(loaded.prototype, name, { value: mend(original) });
}

interface RequestQueue {
  pending: { length: number };
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

const pollMs = 10;

/**
 * The original sets a timer in the past after each answer, which Node 24 and later answers with a TimeoutNegativeWarning on the user's screen, and
 * which wakes the process for nothing (its pull request 1755). A timer is needed only while something waits.
 */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : pollMs,
  );
}

interface CoordinatorSeeker {
  findControllerBroker(): Promise<{ findGroupCoordinator(options: unknown): Promise<unknown> }>;
}

interface CoordinatorQuestion {
  readonly groupId: string;
  /** 1: of transactions. */
  readonly coordinatorType: number;
}

/** Whoever was the coordinator is so still, or the transaction fails; then the producer is given up (`safe-transactor.ts`), and with it what it remembers. */
const rememberedMs = 30_000;

/**
 * The original asks anew for each of the three steps that end a transaction: a third of all our requests. Only those who make transactions are answered from memory: a consumer
 * asks when it has lost its coordinator.
 */
export function rememberedForTransactions(
  original: (this: CoordinatorSeeker, options: CoordinatorQuestion) => unknown,
) {
  const known = new WeakMap<object, Map<string, { readonly at: number; readonly answer: unknown }>>();
  return async function findGroupCoordinatorMetadata(
    this: CoordinatorSeeker,
    options: CoordinatorQuestion,
  ): Promise<unknown> {
    const { groupId, coordinatorType } = options;
    let answers = known.get(this);
    if (answers === undefined && coordinatorType === 1) {
      answers = new Map();
      known.set(this, answers);
    }
    const key = `${coordinatorType} ${groupId}`;
    const before = answers?.get(key);
    if (before !== undefined && performance.now() - before.at < rememberedMs) return before.answer;
    const answer = await Reflect.apply(original, this, [options]);
    answers?.set(key, { at: performance.now(), answer });
    return answer;
  };
}

/** The original keeps to itself why no broker names a coordinator, so that a missing right looks like a broker that is down: one is asked again. */
function withReason(original: unknown) {
  return async function findGroupCoordinatorMetadata(
    this: CoordinatorSeeker,
    options: CoordinatorQuestion,
  ): Promise<unknown> {
    try {
      return typeof original === 'function' ? await Reflect.apply(original, this, [options]) : undefined;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'KafkaJSGroupCoordinatorNotFound') throw error;
      await (await this.findControllerBroker()).findGroupCoordinator(options);
      throw error;
    }
  };
}

interface FetchAnswer {
  readonly responses: readonly {
    readonly partitions: readonly {
      abortedTransactions?: readonly AbortedTransaction[] | null;
      readonly messages: readonly FetchedRecord[];
    }[];
  }[];
}

/** The original lets records of aborted transactions through (`aborted.ts`). It finds them hidden already, and nothing to do. */
function withoutAborted(original: unknown): unknown {
  return async function fetch(this: unknown, options: unknown): Promise<unknown> {
    const answer: FetchAnswer | undefined =
      typeof original === 'function' ? await Reflect.apply(original, this, [options]) : undefined;
    for (const { partitions } of answer?.responses ?? [])
      for (const partition of partitions) {
        hideAborted(partition.messages, partition.abortedTransactions ?? []);
        partition.abortedTransactions = [];
      }
    return answer;
  };
}

/**
 * Where what was to be read next is not there, the original goes to the beginning; where a topic is not there, it looks again, and reads on at the old place once one of that name
 * is. Neither is told to anybody, and records are lost. Here it is an error that is not tried again, and the position is found anew.
 */
function unlessItIsGone(original: unknown): unknown {
  return async function recoverFromFetch(this: unknown, error: unknown): Promise<unknown> {
    const isGone =
      error instanceof Error &&
      'type' in error &&
      (error.type === 'OFFSET_OUT_OF_RANGE' || error.type === 'UNKNOWN_TOPIC_OR_PARTITION');
    if (isGone) throw Object.assign(error, { retriable: false });
    return typeof original === 'function' ? Reflect.apply(original, this, [error]) : undefined;
  };
}

interface Encoder {
  buf: Buffer;
  readonly offset: number;
}

/** The original fills twice of what is needed with zeros first, for every megabyte that is sent. */
function ensureAvailable(this: Encoder, length: number): void {
  const needed = this.offset + length;
  if (needed <= this.buf.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.buf.length));
  this.buf.copy(larger, 0, 0, this.offset);
  this.buf = larger;
}

interface Decoder {
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
  offset: number;
}

/** What brokers wrote ten years ago is left to the original. */
function inOnePass(original: unknown): unknown {
  return async function decodeMessages(decoder: Decoder): Promise<unknown> {
    const start = decoder.offset;
    const size = decoder.readInt32();
    if (size <= 0 || !decoder.canReadBytes(size)) return [];
    const bytes = decoder.readBytes(size);
    if (isBatches(bytes))
      return decodeBatches(bytes, async (codec, packed) => (await codecOf(codec)?.decompress(packed)) ?? packed);
    decoder.offset = start;
    return typeof original === 'function' ? Reflect.apply(original, undefined, [decoder]) : [];
  };
}
