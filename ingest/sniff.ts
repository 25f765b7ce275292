/** What an input is, told by its first bytes: compression, encoding, archives, binary files. Names and endings of files say nothing here. */
import { isUtf8 } from 'node:buffer';

export type Compression = 'none' | 'gzip' | 'zstd';
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** Bytes of the beginning that are looked at. */
export const headBytes = 1 << 16;

/** Something that we know and cannot read: its problem code and what to do. */
export interface Unreadable {
  readonly code: 'unsupported_compression' | 'archive' | 'binary';
  readonly advice: string;
}

interface Signature extends Unreadable {
  readonly at: number;
  readonly bytes: string; // latin1
}

const signatures: readonly Signature[] = [
  {
    at: 0,
    bytes: '\xfd7zXZ\0',
    code: 'unsupported_compression',
    advice: 'is compressed with xz: decompress with xz -dk.',
  },
  {
    at: 4,
    bytes: '1AY&SY',
    code: 'unsupported_compression',
    advice: 'is compressed with bzip2: decompress with bzip2 -dk.',
  },
  {
    at: 0,
    bytes: '\x04\x22\x4d\x18',
    code: 'unsupported_compression',
    advice: 'is compressed with lz4: decompress with lz4 -dk.',
  },
  {
    at: 0,
    bytes: '\x1f\x9d',
    code: 'unsupported_compression',
    advice: 'is compressed with compress: decompress with gzip -dk.',
  },
  {
    at: 0,
    bytes: 'PK\x03\x04',
    code: 'archive',
    advice: 'is a zip archive: unpack it with unzip and give the folder.',
  },
  { at: 0, bytes: '7z\xbc\xaf\x27\x1c', code: 'archive', advice: 'is a 7z archive: unpack it and give the folder.' },
  { at: 257, bytes: 'ustar', code: 'archive', advice: 'is a tar archive: unpack it with tar -xf and give the folder.' },
  {
    at: 0,
    bytes: 'LPKSHHRH',
    code: 'binary',
    advice: 'is a binary systemd journal: export it with journalctl -o json --file.',
  },
  { at: 0, bytes: 'SQLite format 3\0', code: 'binary', advice: 'is an SQLite database and no log.' },
  {
    at: 0,
    bytes: '\x0c\xa5',
    code: 'binary',
    advice: 'is a binary nfdump file: export it with nfdump -o json or -o csv.',
  },
  { at: 0, bytes: '\xd4\xc3\xb2\xa1', code: 'binary', advice: 'is a packet capture and no log.' },
  { at: 0, bytes: '\x0a\x0d\x0d\x0a', code: 'binary', advice: 'is a packet capture and no log.' },
  { at: 0, bytes: '\x7fELF', code: 'binary', advice: 'is a program and no log.' },
];

export function sniffCompression(head: Buffer): Compression {
  if (startsWith(head, 0, '\x1f\x8b')) return 'gzip';
  // A zstd file may begin with a frame to skip (0x184D2A50 to 5F).
  if (
    startsWith(head, 0, '\x28\xb5\x2f\xfd') ||
    (startsWith(head, 1, '\x2a\x4d\x18') && ((head[0] ?? 0) & 0xf0) === 0x50)
  ) {
    return 'zstd';
  }
  return 'none';
}

export function sniffEncoding(head: Buffer): Encoding {
  if (startsWith(head, 0, '\xff\xfe')) return 'utf-16le';
  if (startsWith(head, 0, '\xfe\xff')) return 'utf-16be';
  return 'utf-8';
}

/** Length of a UTF-8 byte order mark. */
export function markLength(head: Buffer): 0 | 3 {
  return startsWith(head, 0, '\xef\xbb\xbf') ? 3 : 0;
}

/** `head`: the first bytes, decompressed, as UTF-8. Undefined when they may be a log. */
export function sniffUnreadable(head: Buffer): Unreadable | undefined {
  const known = signatures.find(({ at, bytes }) => startsWith(head, at, bytes));
  if (known !== undefined) return known;
  return isBinary(head)
    ? { code: 'binary', advice: 'holds binary content and no line of text: it was skipped.' }
    : undefined;
}

function startsWith(head: Buffer, at: number, latin1: string): boolean {
  return head.length >= at + latin1.length && head.toString('latin1', at, at + latin1.length) === latin1;
}

/** Many bytes that no text has, and no line that looks like text. Logs with single NUL bytes or a few broken characters are text. */
function isBinary(head: Buffer): boolean {
  if (head.length === 0) return false;
  let controls = 0;
  for (const byte of head) if (isControl(byte)) controls += 1;
  const many = controls > head.length / 200 || !isMostlyUtf8(head);
  return many && !hasTextLine(head);
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b) || byte === 0x7f;
}

/** The end may part a character, so it is not looked at. */
function isMostlyUtf8(head: Buffer): boolean {
  if (isUtf8(head)) return true;
  let broken = 0;
  for (const character of head.toString('utf8', 0, Math.max(head.length - 3, 0)))
    if (character === '\ufffd') broken += 1;
  return broken < head.length / 50;
}

/** A line of eight or more bytes of which nine in ten are printable ASCII. */
function hasTextLine(head: Buffer): boolean {
  for (let start = 0; start < head.length; ) {
    const newline = head.indexOf(0x0a, start);
    const end = newline < 0 ? head.length : newline;
    if (end - start >= 8) {
      let printable = 0;
      for (let i = start; i < end; i += 1) {
        const byte = head[i] ?? 0;
        if ((byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0d) printable += 1;
      }
      if (printable * 10 >= (end - start) * 9) return true;
    }
    start = end + 1;
  }
  return false;
}
