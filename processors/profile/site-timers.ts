import type { KnownTimer } from './known-timers.ts';

/**
 * Idle timers in a site's own configuration: HAProxy's `timeout client|server|tunnel`, nginx's `proxy_timeout`, `proxy_read_timeout` and
 * `timeout` of its mail proxy. Dovecot's timers are fixed and need no file. Unknown lines are skipped; never throws.
 */
export function timersFrom(text: string, file: string): readonly KnownTimer[] {
  const timers: KnownTimer[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*$/, '').trim();
    const haproxy = /^timeout\s+(client|server|tunnel|client-fin|server-fin)\s+(\d+)\s*(us|ms|s|m|h|d)?$/.exec(line);
    if (haproxy) {
      const seconds = toSeconds(Number(haproxy[2]), haproxy[3] ?? 'ms');
      timers.push({
        seconds,
        name: `HAProxy timeout ${haproxy[1]}`,
        daemon: 'haproxy',
        setting: `timeout ${haproxy[1]}`,
        stage: 'any',
        from: file,
        link: `https://docs.haproxy.org/2.8/configuration.html#4.2-timeout%20${haproxy[1]}`,
      });
      continue;
    }
    const nginx = /^(proxy_timeout|proxy_read_timeout|timeout)\s+(\d+)\s*(ms|s|m|h|d)?\s*;/.exec(line);
    if (nginx) {
      const seconds = toSeconds(Number(nginx[2]), nginx[3] ?? 's');
      timers.push({
        seconds,
        name: `nginx ${nginx[1]}`,
        daemon: 'nginx',
        setting: nginx[1] ?? '',
        stage: 'any',
        from: file,
        link: 'https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_timeout',
      });
    }
  }
  return timers.filter((t) => t.seconds >= 5 && t.seconds <= 86_400);
}

const UNITS: Readonly<Record<string, number>> = { us: 0.000_001, ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const toSeconds = (n: number, unit: string): number => n * (UNITS[unit] ?? 1);
