/** From bytes to text: UTF-8 with whole characters in each chunk, and UTF-16 by way of UTF-8, so that everything behind knows one encoding. */
import { isAscii, isUtf8 } from 'node:buffer';
import type { TextChunk } from './framing/line.ts';

/** Decodes UTF-8 chunk by chunk; the text does not depend on where the chunks break. The bytes of a chunk are only valid until the next push. */
export class Utf8Chunks {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): TextChunk {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const length = all.length - unfinished(all);
    this.#rest = Buffer.from(all.subarray(length));
    return decode(all.subarray(0, length));
  }

  /** End of input: half a character is invalid UTF-8. */
  flush(): TextChunk {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return decode(rest);
  }
}

function decode(bytes: Buffer): TextChunk {
  if (isAscii(bytes)) return { text: bytes.toString('latin1'), bytes: undefined, valid: true };
  return { text: bytes.toString('utf8'), bytes, valid: isUtf8(bytes) };
}

/** How many bytes at the end begin a character that the next bytes could complete: 0 to 3. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

function sequenceLength(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** UTF-16 to UTF-8, without a byte order mark. Offsets behind it count UTF-8 bytes. */
export async function* utf16ToUtf8(
  chunks: AsyncIterable<Buffer>,
  encoding: 'utf-16le' | 'utf-16be',
): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}
