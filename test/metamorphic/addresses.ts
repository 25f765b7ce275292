import type { LabCorpus, LogFile } from './lab-corpus.ts';
import { mapFiles, mapTexts } from './lab-corpus.ts';
import { mapSessionIds } from './session-ids.ts';

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** How addresses are rewritten. `near` is the text that an address stands in: a server has another address where it speaks with IPv6 clients. */
export interface AddressChange {
  readonly ip: (ip: string, near: string) => string;
  /** Address and port together, where both are known; `ip` must agree with it. */
  readonly endpoint?: (from: Endpoint, near: string) => Endpoint;
}

/** The networks of the sample; what looks like an address and lies elsewhere is a version number. */
const LAB_ADDRESS =
  /\b(?:198\.51\.100|203\.0\.113|10\.31\.4|172\.20\.8|198\.18\.5|192\.0\.2|10\.20\.0|10\.8\.0|100\.64\.10)\.\d{1,3}\b/g;

/** Rewrites the addresses in logs, session ids and truth. */
export function mapAddresses(c: LabCorpus, change: AddressChange): LabCorpus {
  const endpoint = change.endpoint ?? (({ ip, port }, near) => ({ ip: change.ip(ip, near), port }));
  const ips = (text: string, near = text): string => text.replace(LAB_ADDRESS, (ip) => change.ip(ip, near));
  const lines = mapFiles(c, (f) => mapTexts(f, (text) => mapLine(f, text, ips, endpoint)));
  const ids = mapSessionIds(lines, (id) => ({ ...id, ...endpoint({ ip: id.ip, port: id.port }, id.ip) }));
  return {
    files: ids.files,
    truth: ids.truth.map((t) => {
      const seen = t.vpn_ip ?? t.client_ip;
      const port = (p: number | null): number | null =>
        p === null ? null : endpoint({ ip: seen, port: p }, seen).port;
      return {
        ...t,
        client_ip: ips(t.client_ip),
        vpn_ip: t.vpn_ip === null ? null : ips(t.vpn_ip),
        server_ip: t.server_ip === null ? null : ips(t.server_ip, `${t.server_ip} ${t.client_ip}`),
        src_port: port(t.src_port),
        http: t.http.map((h) => ({ ...h, src_port: port(h.src_port) })),
      };
    }),
  };
}

function mapLine(
  f: LogFile,
  text: string,
  ips: (text: string, near?: string) => string,
  endpoint: (from: Endpoint, near: string) => Endpoint,
): string {
  if (f.kind === 'flows') {
    const cells = text.split(',');
    const src = endpoint({ ip: cells[4] ?? '', port: Number(cells[5]) }, text);
    const dst = endpoint({ ip: cells[6] ?? '', port: Number(cells[7]) }, text);
    return [...cells.slice(0, 4), src.ip, src.port, dst.ip, dst.port, ...cells.slice(8)].join(',');
  }
  if (f.name.startsWith('firewall'))
    return text.replace(
      /SRC=(\S+) DST=(\S+) (.*) SPT=(\d+) /,
      (_, ip: string, to: string, between: string, port: string) => {
        const from = endpoint({ ip, port: Number(port) }, text);
        return `SRC=${from.ip} DST=${ips(to, text)} ${from.ip.includes(':') ? 'LEN=80 TC=0 HOPLIMIT=63 FLOWLBL=393231 PROTO=TCP' : between} SPT=${from.port} `;
      },
    );
  if (f.name.startsWith('haproxy'))
    return text.replace(/ ([\d.]+):(\d+) \[/, (_, ip: string, port: string) => {
      const from = endpoint({ ip, port: Number(port) }, text);
      return ` ${from.ip}:${from.port} [`;
    });
  if (f.kind === 'audit') {
    const end = text.indexOf('\n', text.indexOf('\n') + 1);
    const head = text
      .slice(0, end)
      .replace(/ ([\d.]+) (\d+) ([\d.]+) (\d+)$/, (_, ip: string, port: string, server: string, serverPort: string) => {
        const from = endpoint({ ip, port: Number(port) }, text);
        return ` ${from.ip} ${from.port} ${ips(server, text)} ${serverPort}`;
      });
    return `${head}${ips(text.slice(end), text)}`;
  }
  return ips(text);
}

/** Other networks for everyone; hosts keep their last byte, so that networks stay together. */
export function renumber(c: LabCorpus, networks: ReadonlyMap<string, string>): LabCorpus {
  return mapAddresses(c, {
    ip: (ip) => {
      const dot = ip.lastIndexOf('.');
      const network = networks.get(ip.slice(0, dot));
      return network === undefined ? ip : `${network}${ip.slice(dot)}`;
    },
  });
}

/** The clients of one network get IPv6 addresses, and the servers that they speak with too. */
export function toIpv6(c: LabCorpus, network: string, prefix: string, serverPrefix: string): LabCorpus {
  const client = `${network}.`;
  const servers = new Set(['192.0.2.10', '192.0.2.11', '192.0.2.12']);
  // Interface identifiers as privacy extensions make them: no two alike, without order.
  const host = (n: number): string =>
    [0x3d1f, 0x82ab, 0xf00d, 0x1].map((salt) => ((n * 40_503 * salt + salt) & 0xffff).toString(16)).join(':');
  return mapAddresses(c, {
    ip: (ip, near) => {
      const last = Number(ip.slice(ip.lastIndexOf('.') + 1));
      if (ip.startsWith(client)) return `${prefix}:${host(last)}`;
      return servers.has(ip) && near.includes(client) ? `${serverPrefix}::${last}` : ip;
    },
  });
}

/** All clients of one network behind one address: ports made distinct, as a NAT gateway does. */
export function behindNat(c: LabCorpus, network: string): LabCorpus {
  const gateway = `${network}.1`;
  const ports = new Map<string, number>();
  const inside = (ip: string): boolean => ip.startsWith(`${network}.`);
  return mapAddresses(c, {
    ip: (ip) => (inside(ip) ? gateway : ip),
    endpoint: ({ ip, port }) => {
      if (!inside(ip)) return { ip, port };
      const key = `${ip} ${port}`;
      let outer = ports.get(key);
      if (outer === undefined) {
        outer = 1024 + ((ports.size * 7919) % 64_512);
        ports.set(key, outer);
      }
      return { ip: gateway, port: outer };
    },
  });
}
