import type { EventBase, Line, Stamp } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import { isoStamp } from './log-time.ts';
import { numberAt } from './number-at.ts';
import { type EcsFields, failed, type ParseOutcome, type Parser, parsed, type RecordContext } from './parser.ts';

export interface Fail2banEvent extends EventBase {
  readonly dataset: 'fail2ban.action';
  readonly action: 'banned' | 'unbanned' | 'found' | 'ignored' | 'notice'; // Restore Ban counts as banned, "already banned" as found
  readonly jail: string | undefined;
  readonly ip: string | undefined;
  readonly reason: string;
}

/** Length of `2026-11-24 03:24:10,272`, Python's default date. */
const STAMP_LENGTH = 23;
const REASON_MAX = 512;

export const fail2ban: Parser<Fail2banEvent> = {
  format: 'fail2ban',
  programs: ['fail2ban', 'fail2ban-server', 'fail2ban.actions', 'fail2ban.filter', 'fail2ban.jail', 'fail2ban.server'],
  accepts(line) {
    if (line.program?.startsWith('fail2ban')) return true;
    return line.message.startsWith('fail2ban.', ownStampEnd(line.message));
  },
  parse,
  ecs,
};

/**
 * Parses `2026-11-24 03:24:10,272 fail2ban.actions        [123]: NOTICE  [jail] Ban 192.0.2.1` and its relatives: without the date
 * (syslog), without component (`[jail] Ban …`, journal), without pid (0.8), with `WARNING` for `NOTICE` (0.8).
 * A date of its own has no zone; it is preferred to the envelope's only where that one is coarser and knows no zone either.
 * Source: fail2ban server/actions.py, server/filter.py, server/observer.py, helpers.py (0.8 to 1.1).
 */
function parse(line: Line, context: RecordContext): ParseOutcome<Fail2banEvent> {
  const text = line.message;
  const bodyAt = ownStampEnd(text);
  if (!line.program?.startsWith('fail2ban') && !text.startsWith('fail2ban', bodyAt))
    return failed('unknown_message', 'message');
  const own = bodyAt === 0 ? undefined : isoStamp(text.slice(0, STAMP_LENGTH), context.zone);
  const stamp = better(line.stamp, own);
  if (stamp === undefined) return failed('bad_time', 'stamp');
  const body = text.slice(afterLevel(text, afterComponent(text, bodyAt))).trim();
  const jail = jailOf(body);
  const sentence = body.startsWith('[') && jail !== undefined ? body.slice(jail.length + 2).trimStart() : body;
  const { action, subject } = readSentence(sentence);
  return parsed({
    line,
    stamp,
    dataset: 'fail2ban.action',
    action: subject === undefined || jail !== undefined ? action : 'notice',
    jail,
    ip: subject === undefined ? undefined : addressOf(subject),
    reason: sentence.length > REASON_MAX ? sentence.slice(0, REASON_MAX) : sentence,
  });
}

/** Where the text goes on after a date of its own; 0 if it has none. */
function ownStampEnd(text: string): number {
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== ' ' || text[13] !== ':') return 0;
  if (text[19] !== ',' && text[19] !== '.') return 0;
  return text[STAMP_LENGTH] === ' ' ? STAMP_LENGTH + 1 : 0;
}

function better(envelope: Stamp | undefined, own: Stamp | undefined): Stamp | undefined {
  if (envelope === undefined) return own;
  return own !== undefined && !envelope.zoned && own.precisionMs < envelope.precisionMs ? own : envelope;
}

/** Skips `fail2ban.actions        [123]: ` or `fail2ban.actions: `. */
function afterComponent(text: string, at: number): number {
  if (!text.startsWith('fail2ban', at)) return at;
  const colon = text.indexOf(': ', at);
  return colon < 0 ? at : colon + 2;
}

const LEVELS = ['NOTICE', 'INFO', 'WARNING', 'ERROR', 'CRITICAL', 'DEBUG', 'HEAVY', 'TRACE', 'MSG'];

/** Skips `NOTICE  `, the padded level. */
function afterLevel(text: string, at: number): number {
  const level = LEVELS.find((name) => text.startsWith(name, at) && text[at + name.length] === ' ');
  return level === undefined ? at : at + level.length + 1;
}

/** The jail of `[sshd] Ban …` or `Jail 'sshd' started`. */
function jailOf(body: string): string | undefined {
  const [open, close] = body.startsWith('[')
    ? [1, body.indexOf(']')]
    : body.startsWith("Jail '")
      ? [6, body.indexOf("'", 6)]
      : [0, -1];
  return close > open ? body.slice(open, close) : undefined;
}

interface Sentence {
  readonly action: Fail2banEvent['action'];
  /** The text of what it was done to: an address, a network, or whatever the filter calls an id. */
  readonly subject: string | undefined;
}

/** Sentences that begin with what was done and go on with whom. */
const OPENINGS: readonly (readonly [string, Fail2banEvent['action']])[] = [
  ['Ban ', 'banned'],
  ['Unban ', 'unbanned'],
  ['Found ', 'found'],
  ['Restore Ban ', 'banned'],
  ['Increase Ban ', 'banned'],
  ['Reban ', 'banned'],
  ['Repeal Ban ', 'unbanned'],
  ['Attempt ', 'found'],
  ['Ignore ', 'ignored'],
];

function readSentence(sentence: string): Sentence {
  for (const [opening, action] of OPENINGS) {
    if (sentence.startsWith(opening)) return { action, subject: firstWord(sentence, opening.length) };
  }
  if (sentence.endsWith(' already banned')) return { action: 'found', subject: firstWord(sentence, 0) };
  return { action: 'notice', subject: undefined };
}

function firstWord(text: string, at: number): string {
  const space = text.indexOf(' ', at);
  const end = space < 0 ? text.length : space;
  return text.slice(at, text[end - 1] === ',' ? end - 1 : end);
}

/** A single address. Of a network only an IPv6 /64 or longer counts, because that is one client; wider ones stay in the reason. */
function addressOf(subject: string): string | undefined {
  const slash = subject.indexOf('/');
  const address = slash < 0 ? subject : subject.slice(0, slash);
  if (!looksLikeAddress(address)) return undefined;
  const bits = slash < 0 ? undefined : numberAt(subject, slash + 1);
  if (slash >= 0 && !(bits !== undefined && bits >= (address.includes(':') ? 64 : 32))) return undefined;
  return plainAddress(address);
}

const ECS_TYPE: Readonly<Record<Fail2banEvent['action'], string>> = {
  banned: 'denied',
  unbanned: 'allowed',
  found: 'info',
  ignored: 'info',
  notice: 'info',
};

function ecs(event: Fail2banEvent): EcsFields {
  return {
    event: {
      category: ['network', 'intrusion_detection'],
      type: [ECS_TYPE[event.action]],
      action: event.action,
      reason: event.reason,
    },
    source: event.ip === undefined ? undefined : { ip: event.ip },
    rule: event.jail === undefined ? undefined : { name: event.jail, ruleset: 'fail2ban' },
    observer: { type: 'firewall', product: 'fail2ban' },
    related: event.ip === undefined ? undefined : { ip: [event.ip] },
  };
}
