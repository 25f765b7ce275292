import type { DeliveringOutput, Delivery, OutputBatch } from '../output.ts';
import { OutputError } from '../output-error.ts';
import { meaningOf } from './bulk-answer.ts';
import { type BulkDocument, documentsOf } from './bulk-document.ts';
import { BulkWriter, type TroubleState, WRITER_LIMITS, type WriterCounters } from './bulk-writer.ts';
import { systemClock } from './clock.ts';
import type { ElasticsearchConfig } from './config.ts';
import { bulkAnswer, connect } from './connection.ts';
import { Generations } from './generations.ts';

export interface ElasticsearchOutput extends DeliveringOutput {
  /** Like `deliver`, of documents that already know where they go. Once `abandoned`, what is not under way is not sent, and no answer comes. */
  deliverDocuments(documents: readonly BulkDocument[], abandoned?: AbortSignal): Promise<Delivery>;
  readonly counters: Readonly<WriterCounters>;
  readonly pendingBytes: number;
  /** Whether nobody should wait for it: for so long nothing got through, and it fails or says nothing at all. One that is slow is not away. */
  isAway(patience: { readonly failingMs: number; readonly silentMs: number }): boolean;
}

export interface ElasticsearchOptions {
  /** Trouble began, changed its kind, or (undefined) is over. */
  readonly troubled?: (state: TroubleState | undefined) => void;
  readonly closeDeadlineMs?: number;
}

/**
 * Writes events into data streams (created once: 409 means that they are there), profiles and incidents into monthly indices with their revision as external
 * version (409: the same or a newer one is there). `write` rejects with INDEX_REFUSED if a document will never be taken; `deliver` gives such documents back instead.
 */
export function openElasticsearch(
  config: ElasticsearchConfig,
  options: ElasticsearchOptions = {},
): ElasticsearchOutput {
  const connection = connect(config);
  const generations = new Generations(connection.request);
  const writer = new BulkWriter(
    {
      post: (body, documents, signal) =>
        generations.post(body, documents, async (bytes, sent) =>
          meaningOf(
            await bulkAnswer(connection.request, bytes, signal, config.requestTimeoutMs),
            sent.map((document) => document.id),
          ),
        ),
      clock: systemClock,
      random: Math.random,
      epochMs: Date.now,
      ...(options.troubled === undefined ? {} : { troubled: options.troubled }),
    },
    {
      ...WRITER_LIMITS,
      bodyBytes: config.bodyBytes,
      requestsMax: config.requestsMax,
      pendingBytesMax: config.pendingBytesMax,
    },
  );
  const deliver = (batch: OutputBatch): Promise<Delivery> => writer.deliver(documentsOf(batch, config.namespace));
  let closing: Promise<void> | undefined;
  return {
    get saturated() {
      return writer.saturated;
    },
    get pendingBytes() {
      return writer.pendingBytes;
    },
    isAway: ({ failingMs, silentMs }) =>
      writer.isFailing ? writer.pendingBytes === 0 || writer.stuckMs >= failingMs : writer.stuckMs >= silentMs,
    counters: writer.counters,
    ready: () => writer.ready(),
    deliver,
    deliverDocuments: (documents, abandoned) => writer.deliver(documents, abandoned),
    async write(batch) {
      const { refused } = await deliver(batch);
      const [first] = refused;
      if (first === undefined) return;
      throw new OutputError(
        'INDEX_REFUSED',
        `${refused.length} documents were refused, the first for ${first.target}, id ${first.id}: ${first.reason}`,
      );
    },
    close() {
      closing ??= writer.close(options.closeDeadlineMs ?? 30_000).finally(() => connection.close());
      return closing;
    },
  };
}
