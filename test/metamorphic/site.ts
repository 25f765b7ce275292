import type { LabCorpus, LogFile, LogRecord, TruthRow } from './lab-corpus.ts';
import { MONTHS, mapFiles } from './lab-corpus.ts';
import { ID_IN_LINE, readSessionId, writeSessionId } from './session-ids.ts';
import { inZone, syslogStamp } from './stamps.ts';

/** Variations of how a site is built and set: proxies, health checks, timers, the order and the cut of files. */

/**
 * HAProxy without the PROXY protocol: Dovecot sees the proxy's address and a port of the proxy's own, in `rip=` and in the session id.
 * HAProxy's lines and the flows towards it still tell the client.
 */
export function withoutProxyProtocol(c: LabCorpus, proxies: ReadonlySet<string>, backend: string): LabCorpus {
  const moved = new Map<string, { readonly id: string; readonly proxy: string }>();
  const mail = c.files.find((f) => f.name === 'mail.log');
  for (const r of mail?.records ?? []) {
    const lip = / lip=([\d.]+)/.exec(r.text)?.[1] ?? '';
    const id = /session=<([^>]*)>/.exec(r.text)?.[1];
    if (id === undefined || !proxies.has(lip) || moved.has(id)) continue;
    const port = 32_768 + ((moved.size * 2) % 28_000);
    moved.set(id, { id: writeSessionId({ ...readSessionId(id), ip: lip, port }), proxy: lip });
  }
  const rewrite = (text: string): string => {
    let proxy: string | undefined;
    const line = text.replace(ID_IN_LINE, (all, id: string) => {
      const to = moved.get(id);
      proxy = to?.proxy ?? proxy;
      return to ? `<${to.id}>` : all;
    });
    if (proxy === undefined) return text;
    return line
      .replace(/ rip=[\d.]+, lip=[\d.]+/, ` rip=${proxy}, lip=${backend}`)
      .replace(/\(([^,()]*),[\d.]+,</, `($1,${proxy},<`);
  };
  return {
    files: c.files.map((f) =>
      f.name === 'mail.log' ? { ...f, records: f.records.map((r) => ({ at: r.at, text: rewrite(r.text) })) } : f,
    ),
    truth: c.truth.map((t) => ({
      ...t,
      dovecot_session: t.dovecot_session === null ? null : (moved.get(t.dovecot_session)?.id ?? t.dovecot_session),
    })),
  };
}

export const HEALTH_CHECKERS = ['192.0.2.201', '192.0.2.202'] as const;

/**
 * A balancer's health checks every 5 s from two addresses: one opens port 143 and leaves, the other goes through HAProxy to port 993 and
 * breaks off the TLS handshake. They leave lines of Dovecot, HAProxy and flows.
 */
export function withHealthChecks(c: LabCorpus): LabCorpus {
  const times = c.files.flatMap((f) => (f.kind === 'openvpn' ? [] : f.records.map((r) => r.at)));
  const from = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const to = times.reduce((a, b) => Math.max(a, b), 0);
  const mail: LogRecord[] = [];
  const haproxy: LogRecord[] = [];
  const flows: LogRecord[] = [];
  for (let i = 0; from + i * 5000 < to - 2000; i++) {
    // Timers of programs are late by some milliseconds.
    const at = from + i * 5000 + 137 + ((i * 37) % 11);
    for (const [n, ip] of HEALTH_CHECKERS.entries()) {
      const viaProxy = n === 1;
      const port = 40_000 + ((i * 2 + n * 3) % 20_000);
      const server = viaProxy ? '192.0.2.11' : '192.0.2.10';
      const serverPort = viaProxy ? 993 : 143;
      const start = at + n * 40;
      const end = start + 12;
      const id = writeSessionId({ micros: (start + 3) * 1000, port, ip });
      const tls = viaProxy ? ' TLS handshaking: Connection closed,' : '';
      const head = (program: string): string => `${syslogStamp(end, inZone(0))} mx1 ${program}: `;
      mail.push({
        at: Math.floor(end / 1000) * 1000,
        text: `${head('dovecot')}imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=${ip}, lip=${server},${tls} session=<${id}>`,
      });
      if (viaProxy) {
        const d = new Date(start).toISOString();
        haproxy.push({
          at: Math.floor(end / 1000) * 1000,
          text: `${head('haproxy[152]')}${ip}:${port} [${d.slice(8, 10)}/${MONTHS[new Date(start).getUTCMonth()]}/${d.slice(0, 4)}:${d.slice(11, 23)}] imaps_vip mx/mx1 1/0/11 0 -- 2/2/1/1/0 0/0`,
        });
      }
      const stamp = (t: number): string => new Date(t).toISOString().slice(0, 23).replace('T', ' ');
      const times = `${stamp(start)},${stamp(end)},0.012,6`;
      flows.push({ at: end, text: `${times},${ip},${port},${server},${serverPort},...AP.SF,5,268` });
      flows.push({ at: end, text: `${times},${server},${serverPort},${ip},${port},...AP.SF,4,330` });
    }
  }
  return mapFiles(c, (f) =>
    f.name === 'mail.log'
      ? merged(f, mail)
      : f.name === 'haproxy.log'
        ? merged(f, haproxy)
        : f.kind === 'flows'
          ? merged(f, flows)
          : f,
  );
}

const merged = (f: LogFile, more: readonly LogRecord[]): LogFile => ({
  ...f,
  records: [...f.records, ...more].sort((a, b) => a.at - b.at),
});

/** The sessions that HAProxy's idle timeout ended get another one: their end lines, flows and truth come sooner or later. */
export function withIdleTimeout(c: LabCorpus, seconds: number): LabCorpus {
  const byClient = new Map<string, number>(); // `ip port` to how much later it ends, ms
  const haproxy = c.files.find((f) => f.name === 'haproxy.log');
  for (const r of haproxy?.records ?? []) {
    const [, ip, port] = / ([\d.]+):(\d+) \[[^\]]*\] imaps_short \S+ \d+\/\d+\/\d+ \d+ cD /.exec(r.text) ?? [];
    if (ip !== undefined) byClient.set(`${ip} ${port}`, (seconds - 100) * 1000);
  }
  const laterOf = (id: string): number | undefined => {
    const { ip, port } = readSessionId(id);
    return byClient.get(`${ip} ${port}`);
  };
  const change = (f: LogFile, r: LogRecord): LogRecord => {
    if (f.name === 'haproxy.log') {
      const [, ip, port] = / ([\d.]+):(\d+) \[[^\]]*\] imaps_short .* cD /.exec(r.text) ?? [];
      const later = ip === undefined ? undefined : byClient.get(`${ip} ${port}`);
      if (later === undefined) return r;
      const text = r.text.replace(
        / (\d+\/\d+)\/(\d+) (\d+ cD )/,
        (_, before: string, total: string, rest: string) => ` ${before}/${Number(total) + later} ${rest}`,
      );
      return { at: r.at + later, text: `${syslogStamp(r.at + later, inZone(0))}${text.slice(15)}` };
    }
    if (f.name === 'mail.log') {
      const id = /^\S+ +\S+ \S+ \S+ dovecot: imap\([^)]*\)<\d+><([^>]*)>: Disconnected/.exec(r.text)?.[1];
      const later = id === undefined ? undefined : laterOf(id);
      if (later === undefined) return r;
      const text = r.text.replace(
        /finished ([\d.]+) secs ago|waiting input for ([\d.]+) secs/,
        (all, a: string | undefined, b: string | undefined) => {
          const was = a ?? b ?? '0';
          return all.replace(was, (Number(was) + later / 1000).toFixed(3));
        },
      );
      return { at: r.at + later, text: `${syslogStamp(r.at + later, inZone(0))}${text.slice(15)}` };
    }
    if (f.kind === 'flows') {
      const cells = r.text.split(',');
      const later = byClient.get(`${cells[4]} ${cells[5]}`) ?? byClient.get(`${cells[6]} ${cells[7]}`);
      if (later === undefined || !(cells[8] ?? '').includes('F')) return r;
      const end = new Date(Date.parse(`${(cells[1] ?? '').replace(' ', 'T')}Z`) + later)
        .toISOString()
        .slice(0, 23)
        .replace('T', ' ');
      return {
        at: r.at + later,
        text: [cells[0], end, (Number(cells[2]) + later / 1000).toFixed(3), ...cells.slice(3)].join(','),
      };
    }
    return r;
  };
  const files = c.files.map((f) => ({ ...f, records: f.records.map((r) => change(f, r)).sort((a, b) => a.at - b.at) }));
  const later = (t: TruthRow): number | undefined =>
    t.cause === 'server.idle_timeout' ? byClient.get(`${t.client_ip} ${t.src_port}`) : undefined;
  return {
    files,
    truth: c.truth.map((t) => ({ ...t, end: new Date(Date.parse(t.end) + (later(t) ?? 0)).toISOString() })),
  };
}

/** Lines out of order by up to `ms`, the same every time. */
export function shuffled(f: LogFile, ms: number): LogFile {
  const keyed = f.records.map((r, i) => ({ r, key: r.at + (((i * 2_654_435_761) >>> 0) / 2 ** 32) * ms }));
  return { ...f, records: keyed.sort((a, b) => a.key - b.key).map(({ r }) => r) };
}

/** All logs that are made of lines in one file, in the order of time, as a collector writes them. */
export function inOneFile(c: LabCorpus, jitterMs: number): LabCorpus {
  const isLines = (f: LogFile): boolean =>
    f.kind === 'syslog' || f.kind === 'nginx-error' || f.kind === 'nginx-access' || f.name === 'openvpn-server.log';
  const records = c.files
    .filter(isLines)
    .flatMap((f) => f.records)
    .sort((a, b) => a.at - b.at);
  return {
    truth: c.truth,
    files: [
      shuffled({ name: 'all.log', kind: 'syslog', head: '', records }, jitterMs),
      ...c.files.filter((f) => !isLines(f)),
    ],
  };
}

/** The log begins in the middle of the time: somebody cut it, or turned it on late. */
export function beginsHalfway(f: LogFile): LogFile {
  const first = f.records[0]?.at ?? 0;
  const last = f.records.at(-1)?.at ?? 0;
  return { ...f, records: f.records.filter((r) => r.at >= (first + last) / 2) };
}
