/**
 * A raw record: one framed piece of a log on its way through Kafka (docs/kafka.md). Pure and total: every byte may come from an attacker, so
 * headers that do not look as they must are ignored and named, and any value becomes a text.
 *
 * Hot: one call a line. What depends only on the partition (the fingerprint of records without identity) is kept.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { lineLimits } from '../framing/line.ts';
import type { RecordFlaw } from '../record.ts';
import type { ConsumedRecord, RecordToSend, TopicPartition } from './port.ts';

export const RAW_HEADERS = {
  /** Fingerprint of the beginning of the file that the line was first written to. */
  fingerprint: 'imapwhy.fingerprint',
  /** Byte offset of the line in that file, uncompressed. */
  offset: 'imapwhy.offset',
  /** Path or name of that file, for people. */
  source: 'imapwhy.source',
  /** Zone of stamps that carry none. */
  zone: 'imapwhy.zone',
  /** Epoch ms near which the line was written, for stamps without a year. */
  near: 'imapwhy.near',
  /** What must be added to the stamps: `SHIFT_MS CONFIDENCE BASIS`, as a comparison with other logs gave it. */
  clock: 'imapwhy.clock',
  /** What framing had to cut or repair. */
  flaw: 'imapwhy.flaw',
  /** On an empty record: no more will come in this partition, so what is open may be closed. */
  end: 'imapwhy.end',
} as const;
export type RawHeader = keyof typeof RAW_HEADERS;

export interface RawClock {
  readonly shiftMs: number;
  /** 0 to 1. */
  readonly confidence: number;
  readonly basis: string;
}

export interface RawRecord {
  readonly text: string;
  readonly flaw: RecordFlaw | undefined;
  /** With `offset` the identity of the record: of the file where the producer named it, else of topic and partition. */
  readonly fingerprint: string;
  readonly offset: number;
  readonly identity: 'producer' | 'kafka';
  /** For people; topic and partition where the producer said nothing. */
  readonly source: string;
  readonly zone: string | undefined;
  readonly near: number | undefined;
  readonly clock: RawClock | undefined;
  /** Headers that were there and could not be used. */
  readonly ignored: readonly RawHeader[];
}

const fingerprintPattern = /^[A-Za-z0-9_-]{8,64}$/;
/** A name, or an offset (`+02:00`); whether there is such a zone, the parse stage knows. */
const zonePattern = /^[A-Za-z0-9_+:/-]{1,64}$/;
const numberPattern = /^[0-9]{1,15}$/;
const flaws: ReadonlySet<string> = new Set<RecordFlaw>(['truncated', 'invalid_utf8', 'binary', 'incomplete']);
const headerBytesMax = 4096;
const none: readonly RawHeader[] = [];

/** undefined for a tombstone or an empty value: there is no line in it. */
export function readRawRecord(record: ConsumedRecord, where: TopicPartition): RawRecord | undefined {
  const { value, headers } = record;
  if (value === null || value.length === 0) return undefined;
  let ignored = none;
  const take = <T>(name: RawHeader, parse: (text: string) => T | undefined): T | undefined => {
    const bytes = headers.get(RAW_HEADERS[name]);
    if (bytes === undefined) return undefined;
    const parsed = parse(textOf(name, bytes));
    if (parsed === undefined) ignored = [...ignored, name];
    return parsed;
  };
  const fingerprint = take('fingerprint', (text) => (fingerprintPattern.test(text) ? text : undefined));
  const offset = take('offset', toNumber);
  const named = fingerprint !== undefined && offset !== undefined;
  const { text, flaw } = decode(value);
  const shipped = text.charCodeAt(0) === openBrace ? shippedLine(text) : undefined;
  return {
    text: shipped?.text ?? text,
    flaw: take('flaw', toFlaw) ?? flaw,
    fingerprint: named ? fingerprint : partitionFingerprint(where),
    offset: named ? offset : record.offset,
    identity: named ? 'producer' : 'kafka',
    source:
      take('source', (name) => (name === '' ? undefined : name)) ??
      shipped?.source ??
      `${where.topic}/${where.partition}`,
    zone: take('zone', (name) => (zonePattern.test(name) ? name : undefined)),
    near: take('near', toNumber) ?? shipped?.near,
    clock: take('clock', toClock),
    ignored,
  };
}

/** Whoever writes to this partition says that no more will come. */
export const isEndOfInput = ({ value, headers }: ConsumedRecord): boolean =>
  (value === null || value.length === 0) && headers.has(RAW_HEADERS.end);

export const endOfInput = (where: TopicPartition): RecordToSend => ({
  ...where,
  key: null,
  value: Buffer.alloc(0),
  headers: [[RAW_HEADERS.end, Buffer.from('1')]],
});

/** The headers of a line that comes from a file. */
export function rawHeaders(line: {
  readonly fingerprint: string;
  readonly offset: number;
  readonly source: string;
  readonly zone?: string | undefined;
  readonly near?: number | undefined;
  readonly clock?: RawClock | undefined;
  readonly flaw?: RecordFlaw | undefined;
}): readonly (readonly [string, Buffer])[] {
  const headers: (readonly [string, Buffer])[] = [
    [RAW_HEADERS.fingerprint, Buffer.from(line.fingerprint)],
    [RAW_HEADERS.offset, Buffer.from(String(line.offset))],
    [RAW_HEADERS.source, Buffer.from(line.source)],
  ];
  if (line.zone !== undefined) headers.push([RAW_HEADERS.zone, Buffer.from(line.zone)]);
  if (line.near !== undefined) headers.push([RAW_HEADERS.near, Buffer.from(String(Math.round(line.near)))]);
  if (line.clock !== undefined) {
    const { shiftMs, confidence, basis } = line.clock;
    headers.push([RAW_HEADERS.clock, Buffer.from(`${shiftMs} ${confidence} ${basis.slice(0, 500)}`)]);
  }
  if (line.flaw !== undefined) headers.push([RAW_HEADERS.flaw, Buffer.from(line.flaw)]);
  return headers;
}

/** Of the record before: most headers say what they said there. */
const lastTexts = new Map<RawHeader, { readonly bytes: Buffer; readonly text: string }>();

/** Empty where it is too long or no text, which no header may be. */
function textOf(name: RawHeader, bytes: Buffer): string {
  const last = lastTexts.get(name);
  if (last?.bytes.equals(bytes)) return last.text;
  const text = bytes.length > headerBytesMax || !isUtf8(bytes) ? '' : bytes.toString('utf8');
  // A copy: the bytes are a piece of all that was fetched with them.
  if (name !== 'offset') lastTexts.set(name, { bytes: Buffer.from(bytes.subarray(0, headerBytesMax + 1)), text });
  return text;
}

const openBrace = 0x7b;
const fingerprints = new Map<string, string>();
const fingerprintsMax = 10_000;

/** In the place of a file's fingerprint, and of the same shape: the partition is what the offset counts in. `generation`: how often it was made anew. */
export function partitionFingerprint({ topic, partition }: TopicPartition, generation = 0): string {
  const key = generation === 0 ? `${topic} ${partition}` : `${topic} ${partition} ${generation}`;
  const kept = fingerprints.get(key);
  if (kept !== undefined) return kept;
  const made = createHash('sha256').update(`kafka ${key}`).digest('base64url').slice(0, 22);
  if (fingerprints.size >= fingerprintsMax) fingerprints.clear();
  fingerprints.set(key, made);
  return made;
}

/** As framing does it with a line of a file: the newline goes, what is too long is cut, what is not text is marked. */
function decode(value: Buffer): { readonly text: string; readonly flaw: RecordFlaw | undefined } {
  let end = value.length;
  if (value[end - 1] === 0x0a) end -= 1;
  if (end > 0 && value[end - 1] === 0x0d) end -= 1;
  const tooLong = end > lineLimits.lengthMax;
  const bytes = value.subarray(0, tooLong ? lineLimits.lengthKept : end);
  const text = bytes.toString('utf8');
  if (tooLong) return { text, flaw: 'truncated' };
  if (!text.includes('\ufffd')) return { text, flaw: undefined };
  return { text, flaw: isUtf8(bytes) ? undefined : 'invalid_utf8' };
}

/** What Filebeat, Elastic Agent and their like send: an object with the line in `message`, and where it stood in `log`. */
function shippedLine(
  text: string,
): { readonly text: string; readonly source: string | undefined; readonly near: number | undefined } | undefined {
  if (!text.includes('"@timestamp"') || !text.includes('"message"')) return undefined;
  const object = parseObject(text);
  const message = object && own(object, 'message');
  const stamp = object && own(object, '@timestamp');
  if (object === undefined || typeof message !== 'string' || typeof stamp !== 'string') return undefined;
  const log = own(object, 'log');
  const shipper = own(object, 'agent') ?? own(object, '@metadata') ?? own(object, 'input');
  if (!isObject(log) && !isObject(shipper)) return undefined;
  const file = isObject(log) ? own(log, 'file') : undefined;
  const path = isObject(file) ? own(file, 'path') : undefined;
  const near = Date.parse(stamp);
  return {
    text: message.replace(/\r?\n$/, ''),
    source: typeof path === 'string' && path !== '' && path.length <= headerBytesMax ? path : undefined,
    near: Number.isFinite(near) ? near : undefined,
  };
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Own properties only, so that `__proto__` from the input means nothing. */
const own = (object: object, key: string): unknown => Object.getOwnPropertyDescriptor(object, key)?.value;

const toNumber = (text: string): number | undefined => (numberPattern.test(text) ? Number(text) : undefined);

const clockPattern = /^(-?[0-9]{1,12}(?:\.[0-9]{1,20})?) ([01](?:\.[0-9]{1,20})?) (.{0,500})$/;

let lastClock: { readonly text: string; readonly clock: RawClock | undefined } | undefined;

function toClock(text: string): RawClock | undefined {
  if (lastClock?.text !== text) lastClock = { text, clock: readClock(text) };
  return lastClock.clock;
}

function readClock(text: string): RawClock | undefined {
  const [, shift, confidence, basis] = clockPattern.exec(text) ?? [];
  if (shift === undefined || confidence === undefined || basis === undefined) return undefined;
  return { shiftMs: Number(shift), confidence: Number(confidence), basis };
}

const isFlaw = (text: string): text is RecordFlaw => flaws.has(text);
const toFlaw = (text: string): RecordFlaw | undefined => (isFlaw(text) ? text : undefined);
