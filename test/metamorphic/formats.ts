import type { LabCorpus, LogFile, LogRecord } from './lab-corpus.ts';
import { ID_IN_LINE, readSessionId } from './session-ids.ts';
import { inZone, offset, syslogStamp } from './stamps.ts';

/** The envelopes that carry the same messages elsewhere. */
export type Envelope = 'iso' | 'rfc5424' | 'journald' | 'docker' | 'dovecot-file';

interface SyslogLine {
  readonly host: string;
  readonly tag: string;
  readonly pid: string | undefined;
  readonly message: string;
}

/** Puts the syslog files of the corpus into another envelope. Docker has no Postfix here: those lines stay as they are, in their own file. */
export function inEnvelope(c: LabCorpus, envelope: Envelope, zone = 0): LabCorpus {
  return {
    truth: c.truth,
    files: c.files.flatMap((f) => (f.kind === 'syslog' ? wrapped(f, envelope, zone) : [f])),
  };
}

function wrapped(f: LogFile, envelope: Envelope, zone: number): readonly LogFile[] {
  if (envelope === 'iso' || envelope === 'rfc5424' || envelope === 'journald')
    return [{ ...f, records: precise(f.records).map((r) => ({ at: r.at, text: wrap(r, envelope, zone) })) }];
  if (f.name !== 'mail.log') return [f];
  const isDovecot = (r: LogRecord): boolean => parts(r.text)?.tag === 'dovecot';
  return [
    {
      ...f,
      name: envelope === 'docker' ? 'dovecot-json.log' : 'dovecot.log',
      records: precise(f.records.filter(isDovecot)).map((r) => ({ at: r.at, text: wrap(r, envelope, zone) })),
    },
    { ...f, records: f.records.filter((r) => !isDovecot(r)) },
  ];
}

function wrap(r: LogRecord, envelope: Envelope, zone: number): string {
  const line = parts(r.text);
  if (!line) return r.text;
  const { host, tag, pid, message } = line;
  switch (envelope) {
    case 'iso':
      return `${isoMicros(r.at, zone)} ${host} ${tag}${pid === undefined ? '' : `[${pid}]`}: ${message}`;
    case 'rfc5424':
      return `<22>1 ${isoMicros(r.at, zone)} ${host} ${tag} ${pid ?? '-'} - - ${message}`;
    case 'journald':
      return JSON.stringify({
        __CURSOR: 's=1f',
        __REALTIME_TIMESTAMP: String(Math.floor(r.at * 1000)),
        _BOOT_ID: '6d3a',
        PRIORITY: '6',
        SYSLOG_FACILITY: '2',
        _HOSTNAME: host,
        SYSLOG_IDENTIFIER: tag,
        ...(pid === undefined ? {} : { SYSLOG_PID: pid, _PID: pid }),
        _TRANSPORT: 'syslog',
        MESSAGE: message,
      });
    case 'dovecot-file':
      return `${syslogStamp(r.at, inZone(zone))} ${withSeverity(message)}`;
    case 'docker':
      return JSON.stringify({
        log: `${syslogStamp(r.at, inZone(zone))} ${withSeverity(message)}\n`,
        stream: 'stderr',
        time: `${isoMicros(r.at, 0).slice(0, 26)}123Z`,
      });
  }
}

function parts(text: string): SyslogLine | undefined {
  const found = /^.{15} (\S+) ([^\s:[]+)(?:\[(\d+)\])?: (.*)$/.exec(text);
  return found ? { host: found[1] ?? '', tag: found[2] ?? '', pid: found[3], message: found[4] ?? '' } : undefined;
}

/** Dovecot writes `Info: ` into its own files, and nothing into syslog; the other severities stand in both. */
function withSeverity(message: string): string {
  const colon = message.indexOf(': ');
  const rest = message.slice(colon + 2);
  return /^(?:Warning|Error|Fatal|Panic|Debug): /.test(rest) ? message : `${message.slice(0, colon)}: Info: ${rest}`;
}

function isoMicros(at: number, zone: number): string {
  const whole = Math.floor(at);
  const micros = Math.floor((at - whole) * 1000);
  const text = new Date(whole + zone * 60_000).toISOString().slice(0, 23);
  return `${text}${String(micros).padStart(3, '0')}${offset(zone, ':')}`;
}

/**
 * Fractions of seconds for stamps that have none: they rise with the lines, and no line comes before the start that its session id tells.
 */
function precise(records: readonly LogRecord[]): readonly LogRecord[] {
  let second = 0;
  let fraction = 0;
  return records.map((r) => {
    if (r.at !== second) {
      second = r.at;
      fraction = 0;
    }
    for (const [, id] of r.text.matchAll(ID_IN_LINE)) {
      const millis = readSessionId(id ?? '').micros / 1000;
      const inSecond = (((millis - r.at) % WRAP_MS) + WRAP_MS) % WRAP_MS;
      if (inSecond < 1000) fraction = Math.max(fraction, inSecond);
    }
    fraction = Math.min(999.999, fraction + 0.011);
    return { at: r.at + fraction, text: r.text };
  });
}

const WRAP_MS = 2 ** 48 / 1000;
