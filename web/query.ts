import { DateTime } from 'luxon';
import { type Condition, SEARCH_FIELDS, type SearchField, type SearchQuery } from '../outputs/search.ts';

/** A typed query, what could not be understood in it, and the words it was made of, so that one can be taken away again. */
export interface ParsedQuery {
  readonly query: SearchQuery;
  readonly problems: readonly QueryProblem[];
  readonly words: readonly string[];
}

export type QueryProblem =
  | { readonly code: 'unknown_field'; readonly word: string; readonly field: string }
  | { readonly code: 'not_a_time'; readonly word: string }
  | { readonly code: 'open_quote'; readonly word: string }
  | { readonly code: 'empty'; readonly word: string }
  | { readonly code: 'too_long'; readonly word: string };

export interface QueryContext {
  /** What `since:2h` counts back from, UTC epoch ms. */
  readonly now: number;
  /** Of times without one; a name that luxon knows. */
  readonly zone: string;
}

const WORDS_MAX = 40;
const LENGTH_MAX = 2000;
const DURATION = /^(\d{1,5})(s|m|h|d|w)$/;
const UNIT_MS = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
]);

/**
 * `user:anna cause:network.* -phase:tls since:2h "Connection closed"`: words with a space between all hold; `-` before one means not; `*` at the
 * end means anything; text without a field, quoted or not, is looked for in log lines; `is:failed` and `is:ok` are short for an outcome.
 * What cannot be understood is left out and told, never guessed.
 */
export function parseQuery(text: string, context: QueryContext): ParsedQuery {
  const problems: QueryProblem[] = [];
  const conditions: Condition[] = [];
  const words: string[] = [];
  let since: number | undefined;
  let until: number | undefined;
  const all = wordsOf(text.slice(0, LENGTH_MAX), problems);
  if (text.length > LENGTH_MAX || all.length > WORDS_MAX) problems.push({ code: 'too_long', word: text.slice(0, 40) });
  for (const word of all.slice(0, WORDS_MAX)) {
    const understood = conditionOf(word, context);
    if ('code' in understood) {
      problems.push(understood);
      continue;
    }
    words.push(word.raw);
    if (understood.kind === 'since') since = Math.max(since ?? Number.NEGATIVE_INFINITY, understood.at);
    else if (understood.kind === 'until') until = Math.min(until ?? Number.POSITIVE_INFINITY, understood.at);
    else conditions.push(understood);
  }
  const query = { conditions, ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
  return { query, problems, words };
}

/** A word of the query for one value of a field. */
export function fieldWord(field: SearchField | 'since' | 'until', value: string, negated = false): string {
  return `${negated ? '-' : ''}${field}:${/^[^\s"\\*]+$/.test(value) ? value : quoted(value)}`;
}

/** The query with one word more; a time replaces the one that was there, and a word is not added twice. */
export function withWord(words: readonly string[], ...added: readonly string[]): string {
  const times = added.flatMap((w) => ['since:', 'until:'].filter((t) => w.startsWith(t)));
  const kept = words.filter((w) => !times.some((t) => w.startsWith(t)) && !added.includes(w));
  return [...kept, ...added].join(' ');
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

interface Word {
  readonly raw: string;
  readonly negated: boolean;
  readonly field: string | undefined;
  readonly value: string;
  readonly isQuoted: boolean;
}

const WORD = /(-?)(?:([A-Za-z_.]+):)?(?:"((?:[^"\\]|\\.)*)("?)|(\S+)|(?=\s|$))/y;

function wordsOf(text: string, problems: QueryProblem[]): readonly Word[] {
  const words: Word[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    WORD.lastIndex = at;
    const found = WORD.exec(text);
    if (!found || found[0] === '') {
      at++;
      continue;
    }
    at = WORD.lastIndex;
    const [raw, minus, field, inQuotes, closing, bare] = found;
    if (inQuotes !== undefined && closing === '') problems.push({ code: 'open_quote', word: raw });
    const value = inQuotes === undefined ? (bare ?? '') : inQuotes.replace(/\\(.)/gs, '$1');
    words.push({ raw, negated: minus === '-', field: field?.toLowerCase(), value, isQuoted: inQuotes !== undefined });
  }
  return words;
}

type Understood =
  | Condition
  | { readonly kind: 'since'; readonly at: number }
  | { readonly kind: 'until'; readonly at: number };

function conditionOf(word: Word, context: QueryContext): Understood | QueryProblem {
  const { raw, field, value, negated, isQuoted } = word;
  if (value === '') return { code: 'empty', word: raw };
  if (field === undefined) return { kind: 'text', value, negated };
  if (field === 'since' || field === 'until') {
    const at = timeOf(value, context);
    return at === undefined || negated ? { code: 'not_a_time', word: raw } : { kind: field, at };
  }
  if (field === 'is' && (value === 'failed' || value === 'ok'))
    return { kind: 'field', field: 'outcome', value: 'ok', isPrefix: false, negated: negated !== (value === 'failed') };
  const known = SEARCH_FIELDS.find((f) => f === field);
  if (known === undefined) return { code: 'unknown_field', word: raw, field };
  const isPrefix = !isQuoted && value.endsWith('*');
  return { kind: 'field', field: known, value: isPrefix ? value.slice(0, -1) : value, isPrefix, negated };
}

/** `2h` counts back from now; else an ISO date or time, in the zone if it names none. */
function timeOf(text: string, { now, zone }: QueryContext): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? [];
  if (unit !== undefined) return now - Number(count) * (UNIT_MS.get(unit) ?? 0);
  const time = DateTime.fromISO(text.replace(' ', 'T'), { zone });
  return time.isValid ? time.toMillis() : undefined;
}
