import type { Finding } from './detector.ts';
import type { Kind } from './kind.ts';
import type { NoveltyChannel } from './novelty.ts';
import type { Deviation } from './residual.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** Why a row scored, in words; `at` (UTC ms) names the hour, `what` what was counted ("failures", "connections"). */
export function reasonText(finding: Finding, kind: Kind, at: number, what: string = wordFor(kind, finding)): string {
  switch (finding.by) {
    case 'residual':
      return `${deviationText(finding.deviation, kind, what)} for a ${hourText(at)}${windowText(finding.deviation)}`;
    case 'novelty':
      return noveltyText(finding.channel, finding.value, finding.level);
    case 'silence':
      return `nothing came where about ${numberText(finding.expected)} ${finding.expected < 1.5 ? 'is' : 'are'} usual`;
    default:
      return finding satisfies never;
  }
}

/** "Tuesday 09:00" */
export function hourText(at: number): string {
  const time = new Date(at);
  const hour = String(time.getUTCHours()).padStart(2, '0');
  return `${DAYS[time.getUTCDay()] ?? ''} ${hour}:00`;
}

/** "4.1": as precise as a person can use. */
export function numberText(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  if (size >= 100) return Math.round(x).toString();
  if (size >= 10) return (Math.round(x * 10) / 10).toString();
  return Number(x.toPrecision(2)).toString();
}

function deviationText({ observed, expected }: Deviation, kind: Kind, what: string): string {
  const pair = `${numberText(observed)} where ${numberText(expected)} ${kind === 'count' || kind === 'ratio' ? 'are' : 'is'} usual`;
  const times = observed / expected;
  if (!Number.isFinite(times) || times < 0) return pair;
  if (times >= 1.1) return `${numberText(times)} times the usual ${what} (${pair})`;
  return times <= 0.9 ? `only ${numberText(100 * times)} % of the usual ${what} (${pair})` : `${what}: ${pair}`;
}

function windowText({ windowRows }: Deviation): string {
  return windowRows > 1 ? `, over the last ${windowRows} rows` : '';
}

function wordFor(kind: Kind, finding: Finding): string {
  if (kind === 'count') return 'number';
  if (kind === 'duration') return 'duration';
  if (kind === 'value') return 'value';
  return finding.by === 'residual' && finding.deviation.complement ? 'failures' : 'share';
}

function noveltyText(channel: NoveltyChannel, value: number, level: number): string {
  const now = `${numberText(value)}, lately about ${numberText(level)}`;
  switch (channel) {
    case 'value':
      return `a value unlike any seen before: ${now}`;
    case 'off-level':
      return `further from its recent level than ever seen: ${now}`;
    case 'level':
      return `its level over the last hours is unlike any seen before: ${now}`;
    case 'jump':
      return `a jump unlike any seen before: ${now}`;
    case 'restless':
      return `it moves more, or less, than ever seen before: ${now}`;
    case 'off-week':
      return `unlike what is usual for that hour of the week: ${now}`;
    default:
      return channel satisfies never;
  }
}
