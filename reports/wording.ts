import type { CauseLabel } from '../processors/profile/profile.ts';
import type { CauseRow, RestLabel } from './summary-document.ts';

interface CauseWords {
  /** A short sentence without full stop, at most 44 columns. */
  readonly title: string;
  /** One sentence for somebody who does not know the label. */
  readonly meaning: string;
}

const WORDS: Readonly<Record<CauseRow['label'], CauseWords>> = {
  'network.packet_loss': {
    title: 'Packets were lost on the path',
    meaning: 'Data had to be sent again and again, so handshakes and commands took until somebody gave up.',
  },
  'network.path_flap': {
    title: 'The network path broke for moments',
    meaning: 'Many sessions fell silent at the same moment and went on or were reset seconds later.',
  },
  'network.qos_starvation': {
    title: 'Other traffic took the bandwidth',
    meaning: 'Mail moved far too slowly beside bulk traffic, although the path itself was up.',
  },
  'network.client_vanished': {
    title: 'The client vanished without a goodbye',
    meaning: 'One device went away (sleep, changed network) and a timer closed what it left behind.',
  },
  'server.pool_exhausted': {
    title: 'The server had no room for more clients',
    meaning: 'A process or client limit was reached: new connections waited, were refused or pushed others out.',
  },
  'server.auth_slow': {
    title: 'The login check was too slow',
    meaning: 'The server waited for its authentication backend until clients gave up.',
  },
  'server.tls_misconfig': {
    title: 'TLS settings of the server turn clients away',
    meaning: 'Up-to-date clients could not complete the handshake: certificate, chain, name or protocol settings.',
  },
  'server.idle_timeout': {
    title: 'A timer closed quiet connections',
    meaning: 'The connection was silent for exactly as long as a known timer allows.',
  },
  'server.storage_slow': {
    title: 'Mail storage was too slow',
    meaning: 'Commands waited for locks, indexes or disks.',
  },
  'client.legacy_tls': {
    title: 'Old clients offer only outdated TLS',
    meaning: 'The client speaks only protocol versions that the server rightly refuses.',
  },
  'client.stale_token': {
    title: 'Clients keep sending an expired token',
    meaning: 'The client does not renew its token and fails again and again.',
  },
  'client.no_auth': {
    title: 'Clients connect and never log in',
    meaning: 'The connection was opened and left alone until the login timer fired.',
  },
  'client.too_many_connections': {
    title: 'Clients open too many connections',
    meaning: 'A limit of connections for one user or address was reached.',
  },
  'client.protocol_error': {
    title: 'Clients send invalid commands',
    meaning: 'The server ended the connection after too many commands that it did not understand.',
  },
  'security.waf_false_positive': {
    title: 'The WAF blocked legitimate requests',
    meaning: 'A rule of the web application firewall stopped the token or login request of a real user.',
  },
  'security.rate_limit': {
    title: 'A rate limit or ban hit real users',
    meaning: 'A ban, a request limit or flood protection shut legitimate users out.',
  },
  'security.vpn_down': {
    title: 'The VPN tunnel went down',
    meaning: 'A restart, a failed rekey or a new lease cut the sessions inside the tunnel.',
  },
  'security.vpn_bottleneck': {
    title: 'The VPN tunnel was too slow',
    meaning: 'Sessions through the tunnel crept while direct ones were fine.',
  },
  'security.attack': {
    title: 'Attacks and scans, turned away',
    meaning: 'Password guessing, scanners and injections: real attacks, not counted as failures.',
  },
  unexplained: {
    title: 'Unexplained',
    meaning: 'The attempt failed and the logs at hand do not say why.',
  },
  undetermined: {
    title: 'No telling how it ended',
    meaning: 'The logs show neither success nor failure; not counted in the success rate.',
  },
  wrong_password: {
    title: 'Wrong passwords',
    meaning: 'The password was refused and nothing else is wrong; not counted in the success rate.',
  },
  healthy: { title: 'Healthy', meaning: 'Worked as it should.' },
};

const REST_WORDS: ReadonlySet<string> = new Set<RestLabel>([
  'unexplained',
  'undetermined',
  'wrong_password',
  'healthy',
]);

export function causeTitle(label: CauseRow['label']): string {
  return WORDS[label].title;
}

export function causeMeaning(label: CauseRow['label']): string {
  return WORDS[label].meaning;
}

/** Words for a profile's own label: `none` is a session without a cause. */
export function labelTitle(label: CauseLabel): string {
  return label === 'none' ? 'No fault' : WORDS[label].title;
}

/** Titles that speak of many clients, said of one. */
const SESSION_TITLES: Readonly<Partial<Record<CauseLabel, string>>> = {
  'client.legacy_tls': 'The client offers only outdated TLS',
  'client.stale_token': 'The client keeps sending an expired token',
  'client.no_auth': 'The client connected and never logged in',
  'client.too_many_connections': 'The client opened too many connections',
  'client.protocol_error': 'The client sent invalid commands',
  'security.waf_false_positive': 'The WAF blocked a legitimate request',
  'security.attack': 'An attack or scan, turned away',
};

/** Words for the label of one session. */
export function sessionTitle(label: CauseLabel): string {
  return SESSION_TITLES[label] ?? labelTitle(label);
}

/** The label as it is searched for; nothing for rows that are no label. */
export function labelCode(label: CauseRow['label']): string {
  return REST_WORDS.has(label) ? '' : label;
}

/** A whole number with thousands separated: `12,408`. */
export function wholeNumber(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A share as per cent with as many digits as a reader needs: `0.2 %`, `34 %`. Never rounds to 0 or 100 what is not. */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent < 100 && percent > 99.9) return '> 99.9 %';
  if (percent >= 10 && percent < 99.5) return `${Math.round(percent)} %`;
  return `${percent.toFixed(1).replace(/\.0$/, '')} %`;
}

/** A rate near one, which needs its decimals: `99.95 %`. Cut, not rounded, so that it never looks better than it is. */
export function rateText(rate: number): string {
  const hundredths = Math.floor(rate * 10_000 + 1e-6) / 100;
  return `${hundredths === 100 ? '100' : hundredths.toFixed(2)} %`;
}

/** `850 ms`, `4.2 s`, `12 min`, `3 h 20 min`, `9 days`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60)
    return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 1440)} days`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${wholeNumber(n)} ${n === 1 ? one : many}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `24 Nov 2026`, from an ISO time in UTC. Empty when it is none. */
export function dateText(iso: string): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return '';
  const d = new Date(ms);
  return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()] ?? ''} ${d.getUTCFullYear()}`;
}

/** `03:24`, UTC. */
export function clockText(iso: string): string {
  return isoPart(iso, 11, 16);
}

/** `03:24:25.231`, UTC. */
export function exactClockText(iso: string): string {
  return isoPart(iso, 11, 23);
}

function isoPart(iso: string, from: number, to: number): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return '';
  const text = new Date(ms).toISOString();
  const shift = text.length - 24; // years beyond 9999 are longer
  return text.slice(from + shift, to + shift);
}

/** Says moments of one period: only the time when the period lies within one day, else with the day. */
export function momentIn(period: {
  readonly start: string | null;
  readonly end: string | null;
}): (iso: string | null) => string {
  const oneDay = period.start !== null && period.end !== null && dateText(period.start) === dateText(period.end);
  return (iso) => {
    if (iso === null) return '';
    if (oneDay && dateText(iso) === dateText(period.start ?? '')) return clockText(iso);
    return `${dateText(iso).replace(/ \d+$/, '')} ${clockText(iso)}`;
  };
}

/** `24 Nov 2026, 03:24 to 04:08 UTC (44 min)`. */
export function periodText(period: {
  readonly start: string | null;
  readonly end: string | null;
  readonly seconds: number;
}): string {
  if (period.start === null || period.end === null) return 'no sessions';
  const from = `${dateText(period.start)}, ${clockText(period.start)}`;
  const sameDay = dateText(period.start) === dateText(period.end);
  const to = sameDay ? clockText(period.end) : `${dateText(period.end)}, ${clockText(period.end)}`;
  return `${from} to ${to} UTC (${durationText(period.seconds * 1000)})`;
}

/** Whom a cause hit: how many users, and where, naming the place when four in five of its sessions share it. */
export function whom(row: CauseRow): string {
  const users = row.users.count === 0 ? 'users unknown' : counted(row.users, 'user');
  return `${users}, ${where(row)}`;
}

export function where(row: CauseRow): string {
  const network = row.top_networks[0];
  if (!network) return 'network unknown';
  if (row.networks.count === 1 && !row.networks.at_least) return network.key;
  if (network.count >= 0.8 * row.sessions) return `mostly ${network.key}`;
  return counted(row.networks, 'network');
}

function counted(distinct: { readonly count: number; readonly at_least: boolean }, noun: string): string {
  return `${distinct.at_least ? 'over ' : ''}${plural(distinct.count, noun)}`;
}

/** What most sessions of a cause share beyond network and user: `server mx1`, `rule 942100`. Undefined when nothing does. */
export function sharedScope(row: CauseRow): string | undefined {
  const scope = row.top_scopes[0];
  if (!scope || scope.count < 0.5 * row.sessions || /^(?:network|user):/.test(scope.key)) return undefined;
  return scopeText(scope.key);
}

/** `rule:942100` as `rule 942100`. */
export function scopeText(scope: string): string {
  const colon = scope.indexOf(':');
  return colon > 0 && colon < 16 ? `${scope.slice(0, colon)} ${scope.slice(colon + 1)}` : scope;
}

export function ownerText(owner: string | null): string {
  return owner ?? 'nobody yet';
}

/** Words that a shell takes as one argument, whatever they hold. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./][A-Za-z0-9_@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that shows one session. Ids may begin with a dash, which `--` keeps from being an option. */
export function explainCommand(id: string, store?: string): string {
  const where = store === undefined ? '' : `--store ${shellWord(store)} `;
  return `imapwhy explain ${where}${id.startsWith('-') ? '-- ' : ''}${shellWord(id)}`;
}
