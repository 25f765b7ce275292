/**
 * The few parts of Protocol Buffers that ONNX files need: fields as (number, wire type), varints, and length-prefixed bytes.
 * Source: protobuf.dev/programming-guides/encoding.
 */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const DEPTH_BYTES_MAX = 1 << 28;

export class WireWriter {
  readonly #parts: Buffer[] = [];

  varint(field: number, value: number): this {
    this.#parts.push(encodeVarint(field * 8 + VARINT), encodeVarint(value));
    return this;
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    this.#parts.push(encodeVarint(field * 8 + FIXED32), bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#parts.push(encodeVarint(field * 8 + BYTES), encodeVarint(value.length), Buffer.from(value));
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'));
  }

  message(field: number, value: WireWriter): this {
    return this.bytes(field, value.finish());
  }

  /** Packed floats. */
  floats(field: number, values: ArrayLike<number>): this {
    const bytes = Buffer.alloc(4 * values.length);
    for (let i = 0; i < values.length; i++) bytes.writeFloatLE(values[i] ?? 0, 4 * i);
    return this.bytes(field, bytes);
  }

  /** Packed integers, none negative. */
  varints(field: number, values: readonly number[]): this {
    return this.bytes(field, Buffer.concat(values.map(encodeVarint)));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

export interface WireField {
  readonly field: number;
  /** Of varints and fixed-width fields; NaN otherwise. */
  readonly value: number;
  /** Of length-prefixed fields; empty otherwise. */
  readonly bytes: Buffer;
}

const EMPTY = Buffer.alloc(0);

/** All fields of one message, in their order. Undefined when the bytes are no message. */
export function readFields(bytes: Buffer): readonly WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * shift;
      if (byte < 128) return value;
      if (shift > 2 ** 56) return Number.NaN;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    switch (key % 8) {
      case VARINT:
        fields.push({ field, value: varint(), bytes: EMPTY });
        break;
      case FIXED32:
        if (at + 4 > bytes.length) return undefined;
        fields.push({ field, value: bytes.readFloatLE(at), bytes: EMPTY });
        at += 4;
        break;
      case FIXED64:
        if (at + 8 > bytes.length) return undefined;
        fields.push({ field, value: bytes.readDoubleLE(at), bytes: EMPTY });
        at += 8;
        break;
      case BYTES: {
        const length = varint();
        if (!(length <= DEPTH_BYTES_MAX) || at + length > bytes.length) return undefined;
        fields.push({ field, value: Number.NaN, bytes: bytes.subarray(at, at + length) });
        at += length;
        break;
      }
      default:
        return undefined;
    }
  }
  return fields;
}

export function readFloats(bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i));
}

export function readVarints(bytes: Buffer): number[] {
  const values: number[] = [];
  let value = 0;
  let shift = 1;
  for (const byte of bytes) {
    value += (byte % 128) * shift;
    shift *= 128;
    if (byte < 128) {
      values.push(value);
      value = 0;
      shift = 1;
    }
  }
  return values;
}
