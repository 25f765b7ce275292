/**
 * Joins the lines of a ModSecurity native serial audit log into one record a transaction.
 *
 * A transaction is a run of parts; each begins with a boundary line of its own, `--ID-A--` (v2, Coraza) or `---ID---A--` (v3), and part Z
 * ends it. Workers may write at the same time, so a boundary line says whose lines follow, and transactions are told apart by their id.
 * A record's offset is that of its A line; its text is its lines, from A to Z, joined by a newline.
 *
 * Bounds: so many transactions open at once (the oldest is closed as 'incomplete'), so many characters each (marked 'truncated'). Bodies,
 * which clients write, may use half of the room only, so that the part that names the rules (H) is not crowded out.
 * Lines that belong to no transaction come out as records of their own, joined and marked 'incomplete'; blank ones between records do not.
 */
import type { RecordFlaw, SourceRecord } from '../record.ts';
import { detach, head } from './line.ts';

export interface TransactionLimits {
  /** Characters of one record. */
  readonly lengthMax: number;
  readonly openMax: number;
}

export const transactionLimits: TransactionLimits = { lengthMax: 256 * 1024, openMax: 512 };

export interface PartBoundary {
  readonly id: string;
  /** `A` to `Z`. */
  readonly part: string;
}

/** Parts with what clients and servers sent, of any size: request body, response body, reduced request body, files. */
const bodyParts = 'CDEGIJ';
const idLengthMin = 8;
const idLengthMax = 32;
const longestBoundary = 3 + idLengthMax + 3 + 1 + 2;

/** Reads `--ID-A--` or `---ID---A--`; undefined for any other line. */
export function partBoundary(line: string): PartBoundary | undefined {
  if (line.length > longestBoundary || !line.startsWith('--') || !line.endsWith('--')) return undefined;
  const dashes = line.charCodeAt(2) === 0x2d ? 3 : 2;
  const idEnd = line.length - 3 - (dashes === 3 ? 3 : 1);
  const id = line.slice(dashes, idEnd);
  const part = line.charAt(line.length - 3);
  if (id.length < idLengthMin || id.length > idLengthMax || part < 'A' || part > 'Z') return undefined;
  if (line.slice(idEnd, line.length - 3) !== (dashes === 3 ? '---' : '-')) return undefined;
  return /^[0-9A-Za-z]+$/.test(id) ? { id, part } : undefined;
}

/** Room beyond the limit for boundary lines, without which the parts that are kept could not be told apart. */
const boundaryReserve = 4096;
/** Part name of lines that belong to no transaction. */
const noPart = '-';

class Transaction {
  readonly id: string;
  readonly offset: number;
  part: string;
  /** Characters held, with a newline for each line. */
  length = 0;
  readonly #beginSeen: boolean;
  #settled: string | undefined;
  #lines: string[] = [];
  #flaw: RecordFlaw | undefined;

  constructor(id: string, part: string, offset: number) {
    this.id = id;
    this.part = part;
    this.offset = offset;
    this.#beginSeen = part === 'A';
  }

  addBoundary(line: SourceRecord, lengthMax: number): void {
    this.#add(line, lengthMax + boundaryReserve);
  }

  addContent(line: SourceRecord, lengthMax: number): void {
    this.#add(line, bodyParts.includes(this.part) ? lengthMax >> 1 : lengthMax);
  }

  #add(line: SourceRecord, lengthMax: number): void {
    const room = lengthMax - this.length - 1;
    if (line.flaw === 'truncated' || line.text.length > room) this.#flaw = 'truncated';
    else if (line.flaw !== undefined && this.#flaw === undefined) this.#flaw = line.flaw;
    if (room <= 0) return;
    const kept = head(line.text, room);
    this.#lines.push(kept);
    this.length += kept.length + 1;
  }

  /** Writes the lines out as one string, so that they no longer keep the chunks alive that they were cut from. */
  settle(): void {
    if (this.#lines.length === 0) return;
    const text = this.#text();
    this.#settled = this.#lines.length === 1 ? detach(text) : text;
    this.#lines = [];
  }

  #text(): string {
    const added = this.#lines.join('\n');
    if (this.#settled === undefined) return added;
    return this.#lines.length === 0 ? this.#settled : `${this.#settled}\n${added}`;
  }

  record(closed: boolean): SourceRecord {
    const flaw = this.#flaw === 'truncated' || (closed && this.#beginSeen) ? this.#flaw : 'incomplete';
    const text = this.#text();
    return flaw === undefined ? { text, offset: this.offset } : { text, offset: this.offset, flaw };
  }
}

const leftoverId = '';

export class TransactionFramer {
  readonly #limits: TransactionLimits;
  /** By id, oldest first. */
  readonly #open = new Map<string, Transaction>();
  /** Whose lines come now; one with an empty id holds lines that belong to no transaction. */
  #current: Transaction | undefined;

  constructor(limits: TransactionLimits = transactionLimits) {
    this.#limits = limits;
  }

  /** Takes one line, as the line framer cut it. */
  push(line: SourceRecord, out: SourceRecord[]): void {
    const boundary = line.text.startsWith('--') ? partBoundary(line.text) : undefined;
    if (boundary === undefined) this.#content(line, out);
    else this.#boundary(boundary, line, out);
  }

  /** To call after each batch: open records stop sharing memory with it. */
  settle(): void {
    for (const transaction of this.#open.values()) transaction.settle();
    if (this.#current?.id === leftoverId) this.#current.settle();
  }

  /** End of input: what is open comes out as incomplete, in the order in which it began. */
  flush(out: SourceRecord[]): void {
    this.#endLeftover(out);
    for (const transaction of this.#open.values()) out.push(transaction.record(false));
    this.#open.clear();
    this.#current = undefined;
  }

  #boundary({ id, part }: PartBoundary, line: SourceRecord, out: SourceRecord[]): void {
    this.#endLeftover(out);
    const open = this.#open.get(id);
    if (open !== undefined && part === 'A') {
      this.#open.delete(id);
      out.push(open.record(false));
    }
    const transaction = this.#open.get(id) ?? this.#begin(id, part, line.offset, out);
    transaction.part = part;
    transaction.addBoundary(line, this.#limits.lengthMax);
    this.#current = transaction;
    if (part === 'Z') {
      this.#open.delete(id);
      this.#current = undefined;
      out.push(transaction.record(true));
    }
  }

  #begin(id: string, part: string, offset: number, out: SourceRecord[]): Transaction {
    if (this.#open.size >= this.#limits.openMax) {
      for (const oldest of this.#open.values()) {
        this.#open.delete(oldest.id);
        out.push(oldest.record(false));
        break;
      }
    }
    const transaction = new Transaction(id, part, offset);
    this.#open.set(id, transaction);
    return transaction;
  }

  #content(line: SourceRecord, out: SourceRecord[]): void {
    if (this.#current === undefined) {
      if (line.text === '') return;
      this.#current = new Transaction(leftoverId, noPart, line.offset);
    }
    const { lengthMax } = this.#limits;
    if (this.#current.id === leftoverId && this.#current.length + line.text.length > lengthMax) {
      this.#endLeftover(out);
      this.#current = new Transaction(leftoverId, noPart, line.offset);
    }
    this.#current.addContent(line, lengthMax);
  }

  #endLeftover(out: SourceRecord[]): void {
    if (this.#current?.id !== leftoverId) return;
    out.push(this.#current.record(false));
    this.#current = undefined;
  }
}
