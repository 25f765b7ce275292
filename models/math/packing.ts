/** Writes numbers and arrays of numbers one after another, little-endian, into at most `bytesMax` bytes; NaN and infinities stay what they are. */
export class Packer {
  readonly #view: DataView;
  #length = 0;

  constructor(bytesMax: number) {
    this.#view = new DataView(new ArrayBuffer(bytesMax));
  }

  /** 8 bytes. Throws RangeError, as all others, when it does not fit: who packs knows its bound. */
  number(x: number): void {
    this.#view.setFloat64(this.#length, x, true);
    this.#length += 8;
  }

  /** How many, and 4 bytes each. */
  floats(xs: Float32Array): void {
    this.number(xs.length);
    for (const x of xs) {
      this.#view.setFloat32(this.#length, x, true);
      this.#length += 4;
    }
  }

  /** How many, and 2 bytes each. */
  shorts(xs: Uint16Array): void {
    this.number(xs.length);
    for (const x of xs) {
      this.#view.setUint16(this.#length, x, true);
      this.#length += 2;
    }
  }

  /** How many, and 8 bytes each. */
  numbers(xs: ArrayLike<number>): void {
    this.number(xs.length);
    for (let i = 0; i < xs.length; i++) this.number(xs[i] ?? Number.NaN);
  }

  /** Its length and its bytes. */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.number(bytes.length);
    new Uint8Array(this.#view.buffer).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#view.buffer.slice(0, this.#length));
  }
}

/** Reads in the same order what a Packer wrote. Throws RangeError where the bytes end too early or an array is longer than its place. */
export class Unpacker {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get rest(): number {
    return this.#view.byteLength - this.#at;
  }

  number(): number {
    const x = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return x;
  }

  /** Fills the beginning of `into`; returns how many. */
  floats(into: Float32Array): number {
    const length = this.#length(into.length);
    for (let i = 0; i < length; i++, this.#at += 4) into[i] = this.#view.getFloat32(this.#at, true);
    return length;
  }

  shorts(into: Uint16Array): number {
    const length = this.#length(into.length);
    for (let i = 0; i < length; i++, this.#at += 2) into[i] = this.#view.getUint16(this.#at, true);
    return length;
  }

  numbers(max: number): number[] {
    return Array.from({ length: this.#length(max) }, () => this.number());
  }

  /** Of at most `bytesMax` bytes. */
  text(bytesMax: number): string {
    const length = this.#length(bytesMax);
    const text = new TextDecoder().decode(new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at, length));
    this.#at += length;
    return text;
  }

  #length(max: number): number {
    const length = this.number();
    if (!(Number.isInteger(length) && length >= 0 && length <= max))
      throw new RangeError(`an array of ${length} numbers where at most ${max} can be`);
    return length;
  }
}
