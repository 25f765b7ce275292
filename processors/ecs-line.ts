/**
 * `JSON.stringify(toEcs(…))`, byte for byte, for the lines that are most of a mail log, in a third of its time: what does not change from
 * line to line is made once, and the fields are written as text at once instead of as objects. Whatever does not fit goes the long way.
 * That both say the same is tested for every golden line (test/processors/ecs-line.test.ts).
 */
import { ECS_VERSION, type EcsSource, ORIGINAL_MAX, toEcs } from './ecs.ts';
import type { Line } from './event.ts';
import { HINTED, ODD } from './glance.ts';
import { dovecotFields, type TextFields } from './parse/dovecot-ecs-text.ts';
import type { ParsedEvent } from './parse/index.ts';
import { quoted } from './parse/json-text.ts';
import { isoTime } from './profile/iso-time.ts';
import type { Redaction } from './redact.ts';

/**
 * Writes the document of an event as one line of NDJSON, without its end. `zoneName` as for `toEcs`. `seen`: what a glance at the line's
 * bytes said (see glance.ts).
 * The line goes to `take`, with whether it is known to be ASCII.
 */
export function ecsLineWriter(
  source: EcsSource,
  redaction: Redaction,
  zoneName: string,
): (event: ParsedEvent, seen: number, take: (line: string, isAscii: boolean) => void) => void {
  const frame = new Frame(source, zoneName);
  const isAscii = NOT_ASCII.exec(source.name + source.fingerprint + zoneName) === null;
  return (event, seen, take) => {
    if (event.dataset === 'dovecot.login' || event.dataset === 'dovecot.session') {
      const { flaw, raw } = event.line;
      const isShort = flaw === undefined && raw.length <= ORIGINAL_MAX;
      if (isShort && ((seen & HINTED) === 0 || redaction.inspect(raw) === undefined)) {
        const plain = (seen & ODD) === 0;
        take(frame.around(event, dovecotFields(event, plain), plain), plain && isAscii);
        return;
      }
    }
    const needed = (seen & HINTED) === 0 ? NO_SECRETS : redaction;
    take(JSON.stringify(toEcs(event, source, needed, zoneName)), false);
  };
}

/** Of a number in base 36 all but its last two digits, as the number before had them: offsets grow by the length of a line. */
let high = -1;
let highDigits = '';
const LOW_DIGITS = Array.from({ length: 36 * 36 }, (_, n) => n.toString(36).padStart(2, '0'));

/** `offset.toString(36)`, which asks the engine's slow path for each. */
function base36(offset: number): string {
  const low = offset % LOW_DIGITS.length;
  const rest = (offset - low) / LOW_DIGITS.length;
  if (rest === 0) return offset.toString(36);
  if (rest !== high) {
    high = rest;
    highDigits = rest.toString(36);
  }
  return highDigits + LOW_DIGITS[low];
}

/** For a record that is known to hold none. */
const NO_SECRETS: Redaction = { redact: (text) => text, inspect: () => undefined };

const NOT_ASCII = /[^\x00-\x7f]/;

/** What every event has, around the format's own fields. Keeps the texts of the last line, because the next one mostly shares them. */
class Frame {
  readonly #fingerprint: string;
  readonly #path: string;
  /** Behind the text of `event.original`: its quote, for stamps without a zone with the zone that was taken. */
  readonly #zoned = '"';
  readonly #unzoned: string;
  #at = Number.NaN;
  #head = '';
  #host: string | undefined;
  #program: string | undefined;
  #pid: number | undefined;
  #beforeOffset = '';
  #afterOffset = '';
  #hosts = '';

  constructor(source: EcsSource, zoneName: string) {
    this.#fingerprint = JSON.stringify(source.fingerprint).slice(0, -1);
    this.#unzoned = `","timezone":${JSON.stringify(zoneName)}`;
    this.#path = JSON.stringify(source.name);
  }

  around({ line, stamp }: ParsedEvent, { kind, own, related }: TextFields, plain: boolean): string {
    if (stamp.at !== this.#at) this.#stamp(stamp.at);
    if (
      line.host !== this.#host ||
      line.program !== this.#program ||
      line.pid !== this.#pid ||
      this.#beforeOffset === ''
    )
      this.#place(line);
    const original = plain ? line.raw : quoted(line.raw).slice(1, -1);
    return (
      `${this.#head}${base36(line.offset)}${kind}${original}${stamp.zoned ? this.#zoned : this.#unzoned}${own}` +
      `${this.#beforeOffset}${line.offset}${this.#afterOffset}${this.#related(related)}`
    );
  }

  #related(related: string): string {
    if (related === '') return this.#hosts === '' ? '}' : `,"related":{${this.#hosts}}}`;
    return this.#hosts === '' ? `,"related":{${related}}}` : `,"related":{${related},${this.#hosts}}}`;
  }

  #stamp(at: number): void {
    this.#head = `{"@timestamp":"${isoTime(at)}","ecs":{"version":"${ECS_VERSION}"},"event":{"id":${this.#fingerprint}-`;
    this.#at = at;
  }

  /** Host and log of a line; its offset stands between them. */
  #place({ host, program, pid }: Line): void {
    const procid = pid === undefined ? '' : `,"procid":"${pid}"`;
    const name = host === undefined ? '' : `,"host":{"name":${quoted(host)}}`;
    this.#beforeOffset = `${name},"log":{"file":{"path":${this.#path}},"offset":`;
    this.#afterOffset = program === undefined ? '}' : `,"syslog":{"appname":${quoted(program)}${procid}}}`;
    this.#hosts = host === undefined || host === '' ? '' : `"hosts":[${quoted(host)}]`;
    this.#host = host;
    this.#program = program;
    this.#pid = pid;
  }
}
