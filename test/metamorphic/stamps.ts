import { type Kind, type LabCorpus, type LogFile, MONTHS, mapTexts, two } from './lab-corpus.ts';
import { mapSessionIds } from './session-ids.ts';

/** Rewrites every stamp of a log: what its clock shows, and in which zone. */
export interface LogClock {
  /** What the clock shows at this true time, UTC ms. */
  readonly now: (utc: number) => number;
  /** Minutes east of UTC of the stamps; those without a zone are local time. */
  readonly zone: (utc: number) => number;
}

export const inZone = (minutes: number): LogClock => ({ now: (utc) => utc, zone: () => minutes });
export const ahead = (ms: number): LogClock => ({ now: (utc) => utc + ms, zone: () => 0 });

export const restamp = (f: LogFile, clock: LogClock): LogFile =>
  mapTexts(f, (text, r) => restampText(f.kind, text, r.at, clock));

function restampText(kind: Kind, text: string, at: number, clock: LogClock): string {
  switch (kind) {
    case 'syslog':
      return `${syslogStamp(at, clock)}${bracketed(text.slice(15), clock)}`;
    case 'nginx-error':
      return `${iso(at, clock).slice(0, 19).replaceAll('-', '/')}${text.slice(19)}`;
    case 'nginx-access':
    case 'audit':
      return bracketed(text, clock);
    case 'openvpn':
      return `${iso(at, clock).slice(0, 19)}${text.slice(19)}`;
    case 'flows':
      return text.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, (stamp) => iso(utc(stamp), clock));
    case 'openvpn-status':
      return text.replace(/(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+/g, (_, stamp: string) => {
        const time = utc(stamp);
        return `${iso(time, clock).slice(0, 19)},${Math.floor(clock.now(time) / 1000)}`;
      });
  }
}

const utc = (stamp: string): number => Date.parse(`${stamp.replace(' ', 'T')}Z`);

function civil(at: number, clock: LogClock): Date {
  const shown = clock.now(at);
  return new Date(shown + clock.zone(shown) * 60_000);
}

export function syslogStamp(at: number, clock: LogClock): string {
  const d = civil(at, clock);
  return `${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${d.toISOString().slice(11, 19)}`;
}

const iso = (at: number, clock: LogClock): string => civil(at, clock).toISOString().slice(0, 23).replace('T', ' ');

/** `[24/Nov/2026:03:24:12 +0000]` and `[24/Nov/2026:03:24:12.345]`. */
function bracketed(text: string, clock: LogClock): string {
  return text.replace(
    /\[(\d\d)\/(\w{3})\/(\d{4}):([\d:]{8})(\.\d{3})?( [+-]\d{4})?\]/g,
    (
      _,
      day: string,
      month: string,
      year: string,
      time: string,
      fraction: string | undefined,
      zone: string | undefined,
    ) => {
      const at = utc(`${year}-${two(MONTHS.indexOf(month) + 1)}-${day} ${time}${fraction ?? '.000'}`);
      const d = civil(at, clock);
      const text = d.toISOString();
      return `[${text.slice(8, 10)}/${MONTHS[d.getUTCMonth()]}/${text.slice(0, 4)}:${text.slice(11, fraction === undefined ? 19 : 23)}${zone === undefined ? '' : ` ${offset(clock.zone(clock.now(at)), '')}`}]`;
    },
  );
}

export function offset(minutes: number, colon: string): string {
  const m = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(m / 60))}${colon}${two(m % 60)}`;
}

/** Everything `ms` later, truth and session ids too. */
export function moveTime(c: LabCorpus, ms: number): LabCorpus {
  const later: LogClock = { now: (at) => at + ms, zone: () => 0 };
  const move = (stamp: string): string => new Date(Date.parse(stamp) + ms).toISOString().replace('Z', '+00:00');
  return mapSessionIds(
    {
      files: c.files.map((f) => {
        const moved = restamp(f, later);
        return { ...moved, records: moved.records.map((r) => ({ at: r.at + ms, text: r.text })) };
      }),
      truth: c.truth.map((t) => ({
        ...t,
        start: move(t.start),
        end: move(t.end),
        http: t.http.map((h) => ({ ...h, t: move(h.t) })),
      })),
    },
    (id) => ({ ...id, micros: id.micros + ms * 1000 }),
  );
}
