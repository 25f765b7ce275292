import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Session, withoutLines } from './session.ts';
import { keep } from './texts.ts';

/** So many sessions are packed together: alone a session's lines would not become much smaller, and to read one of many takes longer. */
const BLOCK = 32;
/** Buffers as small as what comes out: of larger ones the beginning would be used, and V8 counts the whole. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 4096 };

type Lines = readonly [lines: number[], lineKinds: string[], texts: string[]];

interface Place {
  readonly block: Buffer;
  readonly index: number;
}

/**
 * The lines of open sessions that nothing was said of for a while. Of a session they are the larger half (positions, kinds, texts to quote), and nobody looks at them before its next
 * line, or its end: packed, a million sessions take half a gigabyte less. A session without its lines is otherwise whole, and found as ever; whoever wants its lines calls `warm`.
 */
export class ColdLines {
  private readonly places = new Map<Session, Place>();
  private waiting: Session[] = [];
  /** Read last: sessions of one block are often asked for together. */
  private opened: { readonly block: Buffer; readonly all: readonly Lines[] } | undefined;

  get size(): number {
    return this.places.size;
  }

  /** Takes its lines away, at the latest with `pack`. */
  cool(s: Session): void {
    if (s.lineKinds.length === 0) return; // has none, or they are here
    this.waiting.push(s);
    if (this.waiting.length >= BLOCK) this.pack();
  }

  pack(): void {
    if (this.waiting.length === 0) return;
    const all = this.waiting.map(({ lines, lineKinds, texts }): Lines => [lines, lineKinds, texts]);
    const packed = zstdCompressSync(JSON.stringify(all), FAST);
    const block = Buffer.allocUnsafeSlow(packed.length); // what comes back may be the beginning of a much larger piece
    packed.copy(block);
    this.waiting.forEach((s, index) => {
      this.places.set(s, { block, index });
      withoutLines(s);
    });
    this.waiting = [];
  }

  /** The session has its lines again. */
  warm(s: Session): void {
    const place = this.places.get(s);
    if (!place) return;
    this.places.delete(s);
    const [lines, lineKinds, texts] = this.read(place);
    s.lines = lines;
    s.lineKinds = lineKinds.map(keep);
    s.texts = texts;
  }

  /** The session is of no interest any more. */
  forget(s: Session): void {
    this.places.delete(s);
    if (this.waiting.includes(s)) this.waiting = this.waiting.filter((other) => other !== s);
  }

  private read({ block, index }: Place): Lines {
    if (this.opened?.block !== block) this.opened = { block, all: JSON.parse(zstdDecompressSync(block).toString()) };
    const lines = this.opened.all[index];
    if (!lines) throw new Error(`a block of lines has no entry ${index}`);
    return lines;
  }
}
