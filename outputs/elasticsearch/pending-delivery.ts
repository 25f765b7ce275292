import type { Delivery, Refusal, RefusalCode } from '../output.ts';
import type { BulkDocument } from './bulk-document.ts';

/** The documents of one `deliver`: counted down as their answers come. */
export class PendingDelivery {
  readonly done: Promise<Delivery>;
  #resolve: (delivery: Delivery) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #open: number;
  #written = 0;
  #present = 0;
  readonly #refused: Refusal[] = [];
  #isAbandoned = false;

  constructor(documents: number) {
    this.#open = documents;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {}); // whoever called `deliver` gets the error; nobody else has to
    this.#settleIfDone();
  }

  written(): void {
    this.#written++;
    this.#countDown();
  }

  present(): void {
    this.#present++;
    this.#countDown();
  }

  refused({ kind, id, target, document, origin }: BulkDocument, code: RefusalCode, reason: string): void {
    this.#refused.push({ kind, id, target, code, reason, document, origin });
    this.#countDown();
  }

  /** Nobody waits for the rest any more: what is not under way need not be sent. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  #countDown(): void {
    this.#open--;
    this.#settleIfDone();
  }

  #settleIfDone(): void {
    if (this.#open === 0) this.#resolve({ written: this.#written, present: this.#present, refused: this.#refused });
  }
}
