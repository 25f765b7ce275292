/**
 * `JSON.stringify(toEcs(…))`, byte for byte, for the lines that are most of a mail log, in a third of its time: what does not change from
 * line to line is made once, and the fields are written as text at once instead of as objects. Whatever does not fit goes the long way.
 * That both say the same is tested for every golden line (test/processors/ecs-line.test.ts).
 */
import { ECS_VERSION, type EcsSource, ORIGINAL_MAX, toEcs } from './ecs.ts';
import type { Line } from './event.ts';
import { dovecotFields, type TextFields } from './parse/dovecot-ecs-text.ts';
import type { ParsedEvent } from './parse/index.ts';
import { quoted } from './parse/json-text.ts';
import { isoTime } from './profile/iso-time.ts';
import type { Redaction } from './redact.ts';

/** Writes the document of an event as one line of NDJSON, without its end. `zoneName` as for `toEcs`. */
export function ecsLineWriter(
  source: EcsSource,
  redaction: Redaction,
  zoneName: string,
): (event: Parameters<typeof toEcs>[0]) => string {
  const frame = new Frame(source, zoneName);
  return (event) => {
    if (event.dataset === 'dovecot.login' || event.dataset === 'dovecot.session') {
      const { flaw, raw } = event.line;
      if (flaw === undefined && raw.length <= ORIGINAL_MAX && redaction.inspect(raw) === undefined)
        return frame.around(event, dovecotFields(event));
    }
    return JSON.stringify(toEcs(event, source, redaction, zoneName));
  };
}

/** What every event has, around the format's own fields. Keeps the texts of the last line, because the next one mostly shares them. */
class Frame {
  readonly #fingerprint: string;
  readonly #zone: string;
  readonly #path: string;
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
    this.#zone = `,"timezone":${JSON.stringify(zoneName)}`;
    this.#path = JSON.stringify(source.name);
  }

  around({ line, stamp, dataset, action }: ParsedEvent, fields: TextFields): string {
    if (stamp.at !== this.#at) this.#stamp(stamp.at);
    if (
      line.host !== this.#host ||
      line.program !== this.#program ||
      line.pid !== this.#pid ||
      this.#beforeOffset === ''
    )
      this.#place(line);
    const related = (fields.related + this.#hosts).slice(1);
    return (
      `${this.#head}${line.offset.toString(36)}","kind":"event","dataset":"${dataset}","action":"${action}"` +
      `,"original":${quoted(line.raw)}${stamp.zoned ? '' : this.#zone}${fields.event}}${fields.rest}` +
      `${this.#beforeOffset}${line.offset}${this.#afterOffset}${related === '' ? '' : `,"related":{${related}}`}}`
    );
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
    this.#hosts = host === undefined || host === '' ? '' : `,"hosts":[${quoted(host)}]`;
    this.#host = host;
    this.#program = program;
    this.#pid = pid;
  }
}
