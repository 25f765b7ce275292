import type { Delivery, RefusalCode } from '../output.ts';
import { OutputError } from '../output-error.ts';
import { type BackoffLimits, backoffMs, retryAfterMs } from './backoff.ts';
import type { Meaning, Trouble, Verdict } from './bulk-answer.ts';
import { BodyBuilder, type BulkBody, type BulkItem, bodyOf, byteLengthOf, contentOf } from './bulk-body.ts';
import type { BulkDocument, BulkPlace } from './bulk-document.ts';
import type { Clock } from './clock.ts';
import { ConcurrencyLimit } from './concurrency.ts';
import { PendingDelivery } from './pending-delivery.ts';

export interface WriterLimits {
  readonly bodyBytes: number; // of one request; a server that takes less makes it smaller
  readonly requestsStart: number;
  readonly requestsMax: number; // under way at once
  readonly pendingBytesMax: number; // accepted and not yet answered
  readonly lingerMs: number; // how long a body waits for more documents while others are under way
  readonly doubtsMax: number; // failures that only one document met, before it is given up
  readonly backoff: BackoffLimits;
}

export const WRITER_LIMITS: WriterLimits = {
  bodyBytes: 4 * 1024 * 1024,
  requestsStart: 2,
  requestsMax: 8,
  pendingBytesMax: 64 * 1024 * 1024,
  lingerMs: 25,
  doubtsMax: 8,
  backoff: { baseMs: 250, maxMs: 30_000 },
};

export interface WriterWorld {
  /** Sends one body and says what the answer means. Never rejects for a fault of the outside world. */
  post(body: Buffer, documents: readonly BulkPlace[], signal: AbortSignal): Promise<Meaning>;
  readonly clock: Clock;
  /** 0 to 1, for the jitter. */
  random(): number;
  epochMs(): number;
  /** Trouble begins or changes its kind; undefined: it is over. */
  troubled?(state: TroubleState | undefined): void;
}

export interface TroubleState {
  readonly trouble: Trouble;
  readonly reason: string;
}

export interface WriterCounters {
  written: number;
  present: number;
  refused: number;
  repeated: number; // documents that were sent again
  requests: number;
  bytes: number;
  readonly troubles: Map<Trouble, number>;
}

type Body = BulkBody<PendingDelivery>;
type Item = BulkItem<PendingDelivery>;

const ID_BYTES_MAX = 512; // of Elasticsearch; one longer id makes it refuse a whole request
const BODY_BYTES_MIN = 16 * 1024;
const SPARE_SLABS_MAX = 4;

/**
 * Sends documents in bulk requests and accounts for each of them. What may succeed later is sent again, for as long as it takes, with growing pauses; what never will is
 * the answer of `deliver`. Memory is bounded: beyond `pendingBytesMax`, `deliver` waits. The same document twice does no harm (`bulk-document.ts`), so whatever is not known
 * to have arrived is sent again.
 */
export class BulkWriter {
  readonly counters: WriterCounters = {
    written: 0,
    present: 0,
    refused: 0,
    repeated: 0,
    requests: 0,
    bytes: 0,
    troubles: new Map(),
  };
  readonly #world: WriterWorld;
  readonly #limits: WriterLimits;
  readonly #concurrency: ConcurrencyLimit;
  readonly #sealed: Body[] = []; // never sent yet
  readonly #repeats: { readonly body: Body; readonly notBefore: number }[] = []; // in order of `notBefore`
  readonly #underWay = new Set<Body>();
  readonly #spareSlabs: Buffer[] = [];
  readonly #abort = new AbortController();
  #builder: BodyBuilder<PendingDelivery> | undefined;
  #builderSince = 0;
  #bodyBytes: number;
  #pendingBytes = 0;
  #movedAt = 0; // a document had its answer, or began to wait where none did
  #waiting: (() => void)[] = []; // for room
  #drained: (() => void)[] = [];
  #pausedUntil = 0;
  #failedInARow = 0; // requests without any success; an outage while above zero
  #freshProbe = false;
  #trouble: Trouble | undefined;
  #cancelTimer: (() => void) | undefined;
  #ending = false;
  #failure: OutputError | undefined;

  constructor(world: WriterWorld, limits: WriterLimits = WRITER_LIMITS) {
    this.#world = world;
    this.#limits = limits;
    this.#bodyBytes = limits.bodyBytes;
    this.#concurrency = new ConcurrencyLimit(limits.requestsStart, limits.requestsMax);
  }

  get saturated(): boolean {
    return this.#pendingBytes >= this.#limits.pendingBytesMax;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** For so long nothing that waits has had an answer, ms; 0 where nothing waits. */
  get stuckMs(): number {
    return this.#pendingBytes === 0 ? 0 : this.#world.clock.now() - this.#movedAt;
  }

  /** The last thing heard was that nothing gets through. */
  get isFailing(): boolean {
    return this.#failedInARow > 0;
  }

  get concurrency(): number {
    return this.#failedInARow > 0 ? 1 : this.#concurrency.limit;
  }

  /** Resolves when half of the room is free again, at once if the writer is not saturated. */
  ready(): Promise<void> {
    if (!this.saturated || this.#failure !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The documents are bytes as soon as there is room, and not held any longer. Once `abandoned`, what is not under way is not sent, and no answer comes. */
  deliver(documents: readonly BulkDocument[], abandoned?: AbortSignal): Promise<Delivery> {
    const delivery = new PendingDelivery(documents.length);
    abandoned?.addEventListener('abort', () => delivery.abandon(), { once: true });
    return this.#acceptAll(documents, delivery).then(() => delivery.done);
  }

  async #acceptAll(documents: readonly BulkDocument[], delivery: PendingDelivery): Promise<void> {
    for (const document of documents) {
      while (this.saturated && this.#failure === undefined) {
        this.#pump(); // what waits for company must not wait for us
        await this.ready();
      }
      if (delivery.isAbandoned) return;
      if (this.#ending) throw this.#failure ?? new OutputError('INDEX_UNAVAILABLE', 'written to after it was closed');
      this.#accept(document, delivery);
    }
    this.#pump();
  }

  /** Sends what is left and waits for the answers, at most until the deadline; then whoever still waits for an answer gets an error. */
  async close(deadlineMs: number): Promise<void> {
    this.#ending = true;
    this.#pump();
    if (this.#pendingBytes > 0) {
      let cancel = (): void => {};
      await new Promise<void>((resolve) => {
        this.#drained.push(resolve);
        cancel = this.#world.clock.after(deadlineMs, resolve);
      });
      cancel();
    }
    this.#cancelTimer?.();
    this.#abort.abort();
    if (this.#pendingBytes > 0) this.#failAll();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #accept(document: BulkDocument, delivery: PendingDelivery): void {
    if (!isUsableId(document.id)) {
      this.counters.refused++;
      delivery.refused(document, 'bad_id', `an id has 1 to ${ID_BYTES_MAX} bytes of whole characters`);
      return;
    }
    if (this.#pendingBytes === 0) this.#movedAt = this.#world.clock.now();
    this.#builder ??= this.#newBuilder(0);
    const before = this.#builder.byteLength;
    if (this.#builder.add(document, delivery)) {
      this.#pendingBytes += this.#builder.byteLength - before;
      return;
    }
    this.#seal();
    this.#pump();
    this.#builder = this.#newBuilder(byteLengthOf(document));
    if (!this.#builder.add(document, delivery)) throw new Error('a document does not fit a body of its own size');
    this.#pendingBytes += this.#builder.byteLength;
  }

  #newBuilder(bytesNeeded: number): BodyBuilder<PendingDelivery> {
    this.#builderSince = this.#world.clock.now();
    if (bytesNeeded > this.#bodyBytes) return new BodyBuilder(Buffer.allocUnsafeSlow(bytesNeeded));
    const slab = this.#spareSlabs.pop() ?? Buffer.allocUnsafeSlow(this.#limits.bodyBytes);
    return new BodyBuilder(slab, this.#bodyBytes);
  }

  #seal(): void {
    if (this.#builder !== undefined && !this.#builder.isEmpty) this.#sealed.push(this.#builder.finish());
    this.#builder = undefined;
  }

  /** Sends whatever may be sent now, and sets a timer for what may be sent later. */
  #pump(): void {
    const now = this.#world.clock.now();
    if (this.#failure !== undefined) return;
    while (this.#underWay.size < this.concurrency && now >= this.#pausedUntil) {
      const body = this.#take(now);
      if (body === undefined) break;
      this.#send(body, now);
    }
    this.#schedule(now);
  }

  /** The next body: what waited longest first. During an outage new and old ones take turns, so that one bad index does not hide that the others work. */
  #take(now: number): Body | undefined {
    const isDue = this.#repeats[0] !== undefined && this.#repeats[0].notBefore <= now;
    const freshFirst = this.#failedInARow > 0 && this.#freshProbe;
    this.#freshProbe = !this.#freshProbe;
    if (!isDue && this.#sealed.length === 0 && this.#mayCloseBuilder(now)) this.#seal();
    const isRepeat = isDue && !(freshFirst && this.#sealed.length > 0);
    const next = isRepeat ? this.#repeats.shift()?.body : this.#sealed.shift();
    if (next === undefined) return undefined;
    const wanted = this.#stillWanted(next);
    if (wanted !== next) this.#giveRoom();
    return wanted ?? this.#take(now);
  }

  /** Without what was abandoned; undefined if nothing is left. */
  #stillWanted(body: Body): Body | undefined {
    const items = body.items.filter(({ receipt }) => !receipt.isAbandoned);
    if (items.length === body.items.length) return body;
    for (const { receipt, start, end } of body.items) if (receipt.isAbandoned) this.#pendingBytes -= end - start;
    return items.length === 0 ? undefined : bodyOf(body, items, body.attempt);
  }

  #mayCloseBuilder(now: number): boolean {
    if (this.#builder === undefined || this.#builder.isEmpty) return false;
    return this.#underWay.size === 0 || this.#ending || now - this.#builderSince >= this.#limits.lingerMs;
  }

  #schedule(now: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#underWay.size >= this.concurrency) return; // the next answer goes on
    const times: number[] = [];
    if (this.#repeats[0] !== undefined) times.push(this.#repeats[0].notBefore);
    if (this.#sealed.length > 0) times.push(this.#pausedUntil);
    if (this.#builder !== undefined && !this.#builder.isEmpty) times.push(this.#builderSince + this.#limits.lingerMs);
    if (times.length === 0) return;
    const at = Math.max(Math.min(...times), this.#pausedUntil);
    this.#cancelTimer = this.#world.clock.after(Math.max(1, Math.ceil(at - now)), () => this.#pump());
  }

  #send(body: Body, now: number): void {
    this.#underWay.add(body);
    this.counters.requests++;
    this.counters.bytes += body.bytes.length;
    if (body.attempt > 0) this.counters.repeated += body.items.length;
    const full = this.#underWay.size >= this.concurrency;
    const documents = body.items.map((item) => item.place);
    this.#world.post(body.bytes, documents, this.#abort.signal).then(
      (meaning) => {
        this.#underWay.delete(body);
        if (this.#failure !== undefined) return;
        this.#settle(body, meaning, now, full);
        this.#giveRoom();
        this.#pump();
      },
      (error: unknown) => this.#failAll(error),
    );
  }

  #settle(body: Body, meaning: Meaning, sentAt: number, full: boolean): void {
    if (meaning.kind === 'items') this.#settleItems(body, meaning.verdicts, sentAt, full);
    else if (meaning.kind === 'halve') this.#halve(body, meaning);
    else {
      this.#count(meaning.trouble, body.items.length);
      const leastMs = retryAfterMs(meaning.retryAfter, this.#world.epochMs());
      this.#pause(meaning.trouble, meaning.reason, leastMs);
      this.#repeat({ ...body, attempt: body.attempt + 1 }, this.#pausedUntil);
    }
  }

  #settleItems(body: Body, verdicts: readonly Verdict[], sentAt: number, full: boolean): void {
    const now = this.#world.clock.now();
    const again: Item[] = [];
    let complaint: TroubleState | undefined;
    for (const [i, item] of body.items.entries()) {
      const verdict = verdicts[i];
      if (verdict === undefined) throw new Error('fewer verdicts than documents');
      if (verdict.kind === 'written') this.#done(item, 'written');
      else if (verdict.kind === 'present') this.#done(item, 'present');
      else if (verdict.kind === 'refused') this.#refuse(body, item, verdict.code, verdict.reason);
      else if (verdict.kind === 'again') {
        again.push(item);
        complaint ??= verdict;
        this.#count(verdict.trouble, 1);
      } else if (item.doubts + 1 >= this.#limits.doubtsMax) this.#refuse(body, item, 'failing', verdict.reason);
      else {
        again.push({ ...item, doubts: item.doubts + 1 });
        this.#count('failing', 1);
      }
    }
    const someSucceeded = again.length < body.items.length;
    const isPressure = complaint?.trouble === 'overloaded' || complaint?.trouble === 'failing';
    if (someSucceeded || !isPressure) this.#recovered(complaint);
    if (complaint === undefined) this.#concurrency.answered(now - sentAt, full);
    else if (!someSucceeded && isPressure) this.#pause(complaint.trouble, complaint.reason, 0);
    else if (isPressure) this.#concurrency.overloaded(sentAt, now);
    if (again.length > 0) {
      const waitMs = backoffMs(body.attempt, this.#world.random(), this.#limits.backoff);
      this.#repeat(bodyOf(body, again, body.attempt + 1), Math.max(now + waitMs, this.#pausedUntil));
    }
    const isWhole = again.length === body.items.length && again.every((item, i) => item === body.items[i]);
    if (!isWhole) this.#reuse(body);
  }

  /** The server does not take these documents together. Halves find the one, or the size that it does take. */
  #halve(body: Body, { code, reason }: Meaning & { readonly kind: 'halve' }): void {
    this.#recovered(undefined);
    const [only] = body.items;
    if (body.items.length === 1 && only !== undefined) {
      this.#refuse(body, only, code, reason);
      return;
    }
    if (code === 'too_large')
      this.#bodyBytes = Math.max(BODY_BYTES_MIN, Math.min(this.#bodyBytes, Math.floor(body.bytes.length / 2)));
    const middle = Math.ceil(body.items.length / 2);
    const now = this.#world.clock.now();
    this.#repeat(bodyOf(body, body.items.slice(0, middle), body.attempt + 1), now);
    this.#repeat(bodyOf(body, body.items.slice(middle), body.attempt + 1), now);
  }

  /** Nothing gets through: all wait, and one request at a time tries whether it is over. */
  #pause(trouble: Trouble, reason: string, leastMs: number): void {
    const now = this.#world.clock.now();
    if (now >= this.#pausedUntil) {
      this.#pausedUntil = now + backoffMs(this.#failedInARow, this.#world.random(), this.#limits.backoff, leastMs);
      this.#failedInARow++;
      this.#concurrency.restart();
    } else this.#pausedUntil = Math.max(this.#pausedUntil, now + leastMs); // one outage, met by several requests
    this.#tell({ trouble, reason });
  }

  #recovered(complaint: TroubleState | undefined): void {
    this.#failedInARow = 0;
    this.#tell(complaint);
  }

  #tell(state: TroubleState | undefined): void {
    if (state?.trouble === this.#trouble) return;
    this.#trouble = state?.trouble;
    this.#world.troubled?.(state);
  }

  #repeat(body: Body, notBefore: number): void {
    let at = this.#repeats.length;
    while (at > 0 && (this.#repeats[at - 1]?.notBefore ?? 0) > notBefore) at--;
    this.#repeats.splice(at, 0, { body, notBefore });
  }

  #done(item: Item, how: 'written' | 'present'): void {
    this.counters[how]++;
    this.#movedAt = this.#world.clock.now();
    this.#pendingBytes -= item.end - item.start;
    item.receipt[how]();
  }

  #refuse(body: Body, item: Item, code: RefusalCode, reason: string): void {
    this.counters.refused++;
    this.#pendingBytes -= item.end - item.start;
    this.#movedAt = this.#world.clock.now();
    item.receipt.refused({ ...item.place, document: contentOf(body, item) }, code, reason);
  }

  #count(trouble: Trouble, documents: number): void {
    this.counters.troubles.set(trouble, (this.counters.troubles.get(trouble) ?? 0) + documents);
  }

  /** Only after an answer about its documents is nobody writing this buffer into a socket any more. */
  #reuse(body: Body): void {
    if (body.slab?.length === this.#limits.bodyBytes && this.#spareSlabs.length < SPARE_SLABS_MAX)
      this.#spareSlabs.push(body.slab);
  }

  #giveRoom(): void {
    if (this.#pendingBytes * 2 <= this.#limits.pendingBytesMax) this.#wake();
    if (this.#pendingBytes === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #failAll(cause?: unknown): void {
    this.#failure = new OutputError(
      'INDEX_UNAVAILABLE',
      `closed while ${this.#pendingBytes} bytes of documents had no answer${this.#trouble === undefined ? '' : ` (${this.#trouble})`}; they will come again`,
      cause,
    );
    this.#ending = true;
    this.#seal();
    const bodies = [...this.#underWay, ...this.#sealed, ...this.#repeats.map((r) => r.body)];
    for (const body of bodies) for (const item of body.items) item.receipt.fail(this.#failure);
    this.#wake();
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/** One id that Elasticsearch does not take makes it refuse a whole request; one that it repairs could never be recognised in its answer. */
function isUsableId(id: string): boolean {
  if (id === '' || !id.isWellFormed()) return false;
  return id.length * 3 <= ID_BYTES_MAX || Buffer.byteLength(id) <= ID_BYTES_MAX;
}
