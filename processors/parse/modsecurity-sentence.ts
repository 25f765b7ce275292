import type { Line, Stamp } from '../event.ts';
import { looksLikeAddress } from '../ip.ts';
import { bounded, hostName, readTarget, redactText, unescapeField } from './http-request.ts';
import type { ModsecurityEvent, WafRule } from './modsecurity.ts';
import { matchOf } from './modsecurity-match.ts';

/**
 * The sentence that ModSecurity v2, v3 and Coraza write about one match: `Warning. Matched … [file "…"] [id "…"] …`.
 * It stands in error logs, in part H of the native audit log, and in the JSON audit log of v2.
 * Source: ModSecurity `apache2/re.c`, `apache2/msc_util.c` (v2) and `src/rule_message.cc` (v3); Coraza `internal/corazarules`.
 */
export interface Sentence {
  /** Undefined for sentences about no rule, such as the guard against slow clients. */
  readonly rule: WafRule | undefined;
  readonly blocking: boolean;
  /** The status of "Access denied with code 403". */
  readonly status: number | undefined;
  readonly score: number | undefined;
  readonly transaction: string | undefined;
  readonly hostname: string | undefined;
  readonly uri: string | undefined;
  /** Where its tags end: what follows is not ModSecurity's. The end of the text if it has no tags. */
  readonly end: number;
}

const TAGS_MAX = 64;
const TEXT_MAX = 1024;
/** v3 cuts a value to 100 characters and adds ` (N characters omitted)`, so its end lies within this many. */
const VALUE_MAX = 140;

/** Reads one sentence, without its `ModSecurity: `, `Message: ` or `Coraza: `. Tags may stand before the words (2.5 and vendor builds). */
export function readSentence(sentence: string): Sentence {
  const tagsAt = findTags(sentence);
  const tags = tagsAt < 0 ? NO_TAGS : tagsAt === 0 ? readTagsAround(sentence) : readTags(sentence, tagsAt);
  const words = tagsAt === 0 ? tags.words : tagsAt < 0 ? sentence : sentence.slice(0, tagsAt);
  const blocking = words.startsWith('Access denied');
  const message = bounded(redactText(unescapeField(tags.msg ?? '')), TEXT_MAX);
  const variable = variableOf(words) ?? variableOfData(tags.data);
  return {
    rule:
      tags.id === undefined && tags.msg === undefined
        ? undefined
        : {
            id: bounded(tags.id ?? '', 32),
            message,
            variable: variable === undefined ? undefined : bounded(variable, 256),
            severity: severityName(tags.severity),
            tags: tags.tags,
            file: tags.file === undefined || tags.file === '' ? undefined : bounded(tags.file, TEXT_MAX),
            blocking,
            ...matchOf(words, tags.data, variable),
          },
    blocking,
    status: blocking ? numberAfter(words, 'with code ') : undefined,
    score: scoreOf(message) ?? scoreOfValue(words, variable),
    transaction: tags.uniqueId === undefined || tags.uniqueId === '' ? undefined : bounded(tags.uniqueId, 128),
    hostname: tags.hostname,
    uri: tags.uri,
    end: tagsAt < 0 ? sentence.length : tags.end,
  };
}

/** What the line around a sentence says about the request. */
export interface RequestAround {
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly query: string | undefined;
  /** The Host header, where the line has it. */
  readonly host: string | undefined;
}

/** The event of one sentence in an error log. v3 gives the server's address in `[hostname]`, v2 the host name. */
export function sentenceEvent(line: Line, stamp: Stamp, around: RequestAround, sentence: Sentence): ModsecurityEvent {
  const tagged = sentence.hostname;
  const serverIp = around.host !== undefined && tagged !== undefined && looksLikeAddress(tagged) ? tagged : undefined;
  return {
    line,
    stamp,
    dataset: 'modsecurity.error',
    action: sentence.blocking ? 'blocked' : 'detected',
    transaction: sentence.transaction,
    clientIp: around.clientIp,
    clientPort: around.clientPort,
    serverIp,
    serverPort: undefined,
    method: around.method,
    path: around.path ?? (sentence.uri === undefined ? undefined : readTarget(undefined, sentence.uri).path),
    query: around.query,
    status: sentence.status,
    hostname: around.host ?? hostName(tagged),
    userAgent: undefined,
    user: undefined,
    rules: sentence.rule === undefined ? [] : [sentence.rule],
    score: sentence.score,
  };
}

/**
 * Whether a rule is the one that turns an anomaly score into a block: 949110 and 959100 of CRS 3 and 4 (with their early forms),
 * 981176 and 981200 of CRS 2. The rules 980xxx only report.
 */
export function isEvaluationRule(rule: Pick<WafRule, 'id' | 'file'>): boolean {
  return /^(?:9[45]91\d\d|981176|981200)$/.test(rule.id) || (rule.file ?? '').includes('BLOCKING-EVALUATION');
}

/** Severities as names: v3 and its JSON write the number of syslog, Coraza lower case. Undefined for nothing. */
export function severityName(severity: string | undefined): string | undefined {
  if (severity === undefined || severity === '') return undefined;
  const number = severity.length === 1 ? severity.charCodeAt(0) - 48 : -1;
  return SEVERITIES[number] ?? bounded(severity.toUpperCase(), 32);
}

const SEVERITIES: readonly string[] = [
  ...['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG'],
];

/** 0 for an emergency to 7 for debug; no or an unknown severity counts as the least. */
export function severityRank(severity: string | undefined): number {
  const rank = severity === undefined ? -1 : SEVERITIES.indexOf(severity);
  return rank < 0 ? SEVERITIES.length : rank;
}

/** The anomaly score of a rule's message, in the words of CRS 2, 3 and 4. */
export function scoreOf(message: string): number | undefined {
  if (!message.includes('Score')) return undefined;
  return (
    numberAfter(message, 'Total Score: ') ??
    numberAfter(message, 'Total Inbound Score: ') ??
    numberAfter(message, 'Total Outbound Score: ')
  );
}

function scoreOfValue(words: string, variable: string | undefined): number | undefined {
  if (variable === undefined || !/^TX:(?:[A-Z_]*_)?ANOMALY_SCORE$/i.test(variable)) return undefined;
  return numberAfter(words, '(Value: `');
}

function numberAfter(text: string, words: string): number | undefined {
  const at = text.indexOf(words);
  if (at < 0) return undefined;
  const m = /^\d{1,9}/.exec(text.slice(at + words.length, at + words.length + 9));
  return m === null ? undefined : Number(m[0]);
}

/** The variable that a sentence of v3 ("against variable `X'") or v2 ("at X.", "against "X" required", "in X outside range") names. */
export function variableOf(words: string): string | undefined {
  const v3 = words.indexOf('against variable `');
  if (v3 >= 0) {
    const from = v3 + 18;
    const value = words.indexOf("' (Value: `", from);
    const end = value >= 0 ? value : words.indexOf("'", from);
    return end > from ? words.slice(from, end) : undefined;
  }
  const at = words.lastIndexOf(' at ');
  if (at >= 0) {
    const name = words.slice(at + 4).trimEnd();
    const bare = name.endsWith('.') ? name.slice(0, -1) : name;
    if (isVariable(bare)) return bare;
  }
  return quotedVariable(words, 'against "', '" required') ?? quotedVariable(words, ' byte(s) in ', ' outside range');
}

function quotedVariable(words: string, before: string, after: string): string | undefined {
  const end = words.lastIndexOf(after);
  const at = end < 0 ? -1 : words.lastIndexOf(before, end);
  if (at < 0) return undefined;
  const name = words.slice(at + before.length, end);
  return isVariable(name) ? name : undefined;
}

/** `[data "Matched Data: s&1c found within ARGS:id: …"]`: the only place where v2 names it for libinjection. */
export function variableOfData(tagged: string | undefined): string | undefined {
  const at = tagged?.indexOf('found within ') ?? -1;
  if (tagged === undefined || at < 0) return undefined;
  const end = tagged.indexOf(': ', at + 13);
  const name = tagged.slice(at + 13, end < 0 ? undefined : end);
  return isVariable(name) ? name : undefined;
}

function isVariable(name: string): boolean {
  return name.length <= 512 && /^[A-Z][A-Z_0-9]{1,40}(?::|$)/.test(name);
}

/**
 * Where the tags begin, -1 if there are none. The value in a sentence of v3 is the attacker's text and is not escaped, so tags inside
 * it are not believed: the value's end is the last one within its longest length.
 */
function findTags(sentence: string): number {
  const value = sentence.indexOf('(Value: `');
  if (value >= 0) {
    const near = sentence.lastIndexOf('\' ) [file "', value + 9 + VALUE_MAX);
    const end = near > value ? near : sentence.indexOf('\' ) [file "', value);
    if (end >= 0) return end + 4;
  }
  const file = sentence.indexOf('[file "');
  const id = sentence.indexOf('[id "');
  return file < 0 ? id : id < 0 ? file : Math.min(file, id);
}

interface Tags {
  readonly id: string | undefined;
  readonly msg: string | undefined;
  readonly data: string | undefined;
  readonly severity: string | undefined;
  readonly file: string | undefined;
  readonly hostname: string | undefined;
  readonly uri: string | undefined;
  readonly uniqueId: string | undefined;
  readonly tags: readonly string[];
  readonly end: number;
  /** The words, where tags stand on both sides of them. */
  readonly words: string;
}

const NO_TAGS: Tags = {
  id: undefined,
  msg: undefined,
  data: undefined,
  severity: undefined,
  file: undefined,
  hostname: undefined,
  uri: undefined,
  uniqueId: undefined,
  tags: [],
  end: 0,
  words: '',
};

/**
 * Reads `[name "value"] [name "value"] …`. The first of a name counts, because later ones can be forged inside `[uri]`, which is not
 * escaped; for what follows `[uri]` (`unique_id`) the last one counts, for the same reason.
 */
function readTags(text: string, from: number): Tags {
  const first = new Map<string, string>();
  const tags: string[] = [];
  let uniqueId: string | undefined;
  let at = from;
  for (let count = 0; count < 256 && text.charCodeAt(at) === 91; count++) {
    const quote = tagQuote(text, at);
    if (quote < 0) break;
    const name = text.slice(at + 1, quote - 1);
    const end = tagEnd(text, quote + 1);
    const value = text.slice(quote + 1, end);
    if (name === 'tag') {
      if (value !== '' && tags.length < TAGS_MAX) tags.push(bounded(value, 256));
    } else if (name === 'unique_id') uniqueId = value;
    else if (!first.has(name)) first.set(name, value);
    at = end + 2;
    if (text.charCodeAt(at) === 32 && text.charCodeAt(at + 1) === 91) at++;
  }
  return {
    id: first.get('id'),
    msg: first.get('msg'),
    data: first.get('data'),
    severity: first.get('severity'),
    file: first.get('file'),
    hostname: first.get('hostname'),
    uri: first.get('uri'),
    uniqueId,
    tags,
    end: Math.min(at, text.length),
    words: '',
  };
}

/** `[id "…"] [msg "…"] Access denied … at ARGS:q. [hostname "…"] [uri "…"] [unique_id "…"]`: the order of ModSecurity 2.0 to 2.5. */
function readTagsAround(text: string): Tags {
  const before = readTags(text, 0);
  const last = text.indexOf(' [hostname "', before.end);
  if (last < 0) return { ...before, end: text.length, words: text.slice(before.end).trim() };
  const after = readTags(text, last + 1);
  const { hostname, uri, uniqueId, end } = after;
  return { ...before, hostname, uri, uniqueId, end, words: text.slice(before.end, last).trim() };
}

/** The opening quote of a tag that begins at `at`; -1 if it is none. */
function tagQuote(text: string, at: number): number {
  let i = at + 1;
  while (i < at + 24) {
    const c = text.charCodeAt(i);
    if (c === 32) return i > at + 1 && text.charCodeAt(i + 1) === 34 ? i + 1 : -1;
    if (!((c >= 97 && c <= 122) || c === 95)) return -1;
    i++;
  }
  return -1;
}

/** The closing quote of a tag: one that stands before `]` and a separator, and that no backslash escapes. The end of the text if cut. */
function tagEnd(text: string, from: number): number {
  for (let i = text.indexOf('"]', from); i >= 0; i = text.indexOf('"]', i + 2)) {
    const next = text.charCodeAt(i + 2);
    if (Number.isNaN(next) || next === 32 || next === 44) {
      let slashes = 0;
      while (i - 1 - slashes >= from && text.charCodeAt(i - 1 - slashes) === 92) slashes++;
      if (slashes % 2 === 0) return i;
    }
  }
  return text.length;
}
