import type { WafScope } from './decision.ts';
import { type Place, placeId } from './place.ts';

export const WAF_ENGINES = ['modsecurity2', 'modsecurity3', 'coraza'] as const;
export type WafEngine = (typeof WAF_ENGINES)[number];

/** One place that is to be let through, and what stands beside it as a comment. */
export interface Exclusion {
  readonly place: Place;
  readonly scope: WafScope;
  /** Of the blocked requests. With scope `path`, where the whole rule is switched off, it is switched off for these only. */
  readonly methods: readonly string[];
  /** The exclusion ends then, UTC epoch ms. */
  readonly expires: number | null;
  /** Sentences for the comment: what it is, who accepted it, what was proven. Any text; it is made harmless here. */
  readonly remarks: readonly string[];
}

export interface ExclusionOptions {
  readonly engine: WafEngine;
  /** Ids of the rules that are written: this one and those that follow. */
  readonly firstId: number;
  /** First line of the file: who made it when. Any text. */
  readonly title: string;
}

export interface LeftOut {
  readonly place: Place;
  readonly reason: string;
}

/** Two files, because a `ctl` has to be read before the rules that it changes, an update after them. */
export interface ExclusionFiles {
  /** A valid file even if nothing is excluded: it replaces one whose exclusions have expired. */
  readonly before: string;
  readonly before_rules: number;
  /** Empty if nothing belongs there. */
  readonly after: string;
  /** What cannot be written narrowly and safely, with the reason. */
  readonly left_out: readonly LeftOut[];
  /** How many rules were written. */
  readonly rules: number;
}

/**
 * Writes exclusions as directives. The narrowest first: a target of a rule on a path (`ctl:ruleRemoveTargetById`), the rule on a path
 * (`ctl:ruleRemoveById`), and only for a scope that a person asked for, everywhere (`SecRuleUpdateTargetById`, `SecRuleRemoveById`). Pure.
 *
 * Nothing from a log gets into a directive as it came: rule ids are digits, a target is a fixed collection and a name of letters, digits and `._-`, a path
 * with any other character is written as an anchored pattern of hexadecimal escapes, and comments are one line of printable characters. So no name
 * can close a quote, begin a line or be expanded as a macro.
 */
export function writeExclusions(exclusions: readonly Exclusion[], options: ExclusionOptions): ExclusionFiles {
  const left: LeftOut[] = [];
  const before: string[] = [];
  const after: string[] = [];
  let id = options.firstId;
  for (const e of exclusions) {
    const written = writeOne(e, id, options.engine);
    if ('reason' in written) {
      left.push({ place: e.place, reason: written.reason });
      continue;
    }
    const block = [...e.remarks, `Place ${placeId(e.place)}.`].map(comment);
    (written.when === 'before' ? before : after).push([...block, written.text].join('\n'));
    if (written.when === 'before') id++;
  }
  return {
    before: file(beforeHead(options), before),
    before_rules: before.length,
    after: after.length === 0 ? '' : file(afterHead(options), after),
    left_out: left,
    rules: before.length + after.length,
  };
}

type Written = { readonly when: 'before' | 'after'; readonly text: string } | { readonly reason: string };

function writeOne(e: Exclusion, id: number, engine: WafEngine): Written {
  const { rule, path, target } = e.place;
  if (!/^[1-9]\d{0,8}$/.test(rule)) return { reason: `the rule has no number that a directive can name` };
  const expired = e.expires === null ? '' : ' It cannot end by itself: remove it on time.';
  switch (e.scope) {
    case 'rule-everywhere':
      return {
        when: 'after',
        text: `${expired === '' ? '' : `${comment(expired.trim())}\n`}SecRuleRemoveById ${rule}`,
      };
    case 'target-everywhere': {
      const safe = safeTarget(target);
      if (safe === undefined) return { reason: unsafeTarget(target) };
      return {
        when: 'after',
        text: `${expired === '' ? '' : `${comment(expired.trim())}\n`}SecRuleUpdateTargetById ${rule} "!${safe}"`,
      };
    }
    case 'target': {
      const safe = safeTarget(target);
      if (path === '') return { reason: NO_PATH };
      if (safe === undefined) return { reason: unsafeTarget(target) };
      return {
        when: 'before',
        text: conditional({ id, engine }, path, [], e.expires, `ctl:ruleRemoveTargetById=${rule};${safe}`),
      };
    }
    case 'path':
      if (path === '') return { reason: NO_PATH };
      return {
        when: 'before',
        text: conditional({ id, engine }, path, e.methods, e.expires, `ctl:ruleRemoveById=${rule}`),
      };
    default:
      return e.scope satisfies never;
  }
}

const NO_PATH =
  'the log does not say on which path, and an exclusion for all paths is only made with --scope target-everywhere';

/** A chain of conditions; only where all of them hold the last one's `ctl` runs. */
function conditional(
  { id, engine }: { readonly id: number; readonly engine: WafEngine },
  path: string,
  methods: readonly string[],
  expires: number | null,
  action: string,
): string {
  const conditions = [pathCondition(path)];
  // ModSecurity 2 leaves the path as it was sent.
  const decoding = engine === 'modsecurity2' && !isPlainPath(path) ? 't:none,t:urlDecodeUni' : 't:none';
  const known = methods.filter((m) => /^[A-Z]{1,32}$/.test(m));
  if (known.length > 0 && known.length === methods.length)
    conditions.push(`REQUEST_METHOD "@rx ^(?:${known.join('|')})\\z"`);
  if (expires !== null) conditions.push(`TIME_EPOCH "@lt ${Math.floor(expires / 1000)}"`);
  return conditions
    .map((condition, i) => {
      const last = i === conditions.length - 1;
      const first = i === 0 ? `id:${id},phase:1,pass,${decoding},nolog` : 't:none';
      return `${'    '.repeat(i)}SecRule ${condition} \\\n${'    '.repeat(i + 1)}"${first},${last ? action : 'chain'}"`;
    })
    .join('\n');
}

/** REQUEST_FILENAME is the path after percent-decoding (ModSecurity 2: with a transformation). A pattern of escapes is exact too: `\z` is the end, a line feed before it is none. */
function pathCondition(path: string): string {
  if (isPlainPath(path)) return `REQUEST_FILENAME "@streq ${path}"`;
  const bytes = decodedBytes(path);
  const pattern = [...bytes]
    .map((b) => (isPlain(b) ? String.fromCharCode(b) : `\\x${b.toString(16).padStart(2, '0')}`))
    .join('');
  return `REQUEST_FILENAME "@rx ^${pattern}\\z"`;
}

const isPlainPath = (path: string): boolean => /^\/[A-Za-z0-9/._~-]*$/.test(path);

const isPlain = (b: number): boolean =>
  (b >= 48 && b <= 57) || (b >= 65 && b <= 90) || (b >= 97 && b <= 122) || b === 47;

/** The bytes of a path as sent, percent-decoded once, as engines do; what is no valid escape stays. */
function decodedBytes(path: string): Uint8Array {
  const raw = new TextEncoder().encode(path);
  const out: number[] = [];
  for (let i = 0; i < raw.length; i++) {
    const hex =
      raw[i] === 37 ? Number.parseInt(String.fromCharCode(raw[i + 1] ?? 32, raw[i + 2] ?? 32), 16) : Number.NaN;
    const isEscape = raw[i] === 37 && isHex(raw[i + 1]) && isHex(raw[i + 2]);
    out.push(isEscape ? hex : (raw[i] ?? 0));
    if (isEscape) i += 2;
  }
  return Uint8Array.from(out);
}

const isHex = (b: number | undefined): boolean =>
  b !== undefined && ((b >= 48 && b <= 57) || (b >= 65 && b <= 70) || (b >= 97 && b <= 102));

const SCALARS: ReadonlySet<string> = new Set([
  ...[
    'QUERY_STRING',
    'REQUEST_URI',
    'REQUEST_URI_RAW',
    'REQUEST_FILENAME',
    'REQUEST_BASENAME',
    'REQUEST_LINE',
    'REQUEST_BODY',
  ],
  ...[
    'REQUEST_METHOD',
    'REQUEST_PROTOCOL',
    'PATH_INFO',
    'FULL_REQUEST',
    'FILES_COMBINED_SIZE',
    'ARGS_COMBINED_SIZE',
    'AUTH_TYPE',
  ],
]);
const COLLECTIONS: ReadonlySet<string> = new Set([
  ...[
    'ARGS',
    'ARGS_GET',
    'ARGS_POST',
    'ARGS_NAMES',
    'ARGS_GET_NAMES',
    'ARGS_POST_NAMES',
    'REQUEST_HEADERS',
    'REQUEST_HEADERS_NAMES',
  ],
  ...['REQUEST_COOKIES', 'REQUEST_COOKIES_NAMES', 'FILES', 'FILES_NAMES', 'MULTIPART_PART_HEADERS'],
]);

/** A target that every engine reads as one name, or undefined. */
export function safeTarget(target: string): string | undefined {
  if (SCALARS.has(target) || target === 'XML:/*') return target;
  const colon = target.indexOf(':');
  if (colon < 0 || !COLLECTIONS.has(target.slice(0, colon))) return undefined;
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$|^[_][A-Za-z0-9._-]{0,127}$/.test(target.slice(colon + 1))
    ? target
    : undefined;
}

function unsafeTarget(target: string): string {
  return target === ''
    ? 'the log does not say which part of the request matched; --scope path switches the rule off on this path'
    : 'the target is no part of a request that a directive can name safely; --scope path switches the rule off on this path';
}

const COMMENT_MAX = 400;

/** One line of a comment: printable, without a backslash (one at its end would swallow the next line), bounded. */
function comment(text: string): string {
  const line = text
    .slice(0, COMMENT_MAX)
    .replace(/[^\x20-\x7e\p{L}\p{M}\p{N}\p{P}\p{Zs}]/gu, '?')
    .replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\u0085]/g, '?')
    .replaceAll('\\', '/');
  return `# ${line.trim()}`.trimEnd();
}

const file = (head: readonly string[], blocks: readonly string[]): string =>
  `${[...head.map(comment), '', blocks.length === 0 ? '# Nothing is excluded.' : blocks.join('\n\n')].join('\n')}\n`;

const beforeHead = (o: ExclusionOptions): readonly string[] => [
  o.title,
  `For ${ENGINE_NAMES[o.engine]}. Load this file before the rules of CRS and before your own rules,`,
  'as REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf is loaded.',
];
const afterHead = (o: ExclusionOptions): readonly string[] => [
  o.title,
  `For ${ENGINE_NAMES[o.engine]}. Load this file after the rules of CRS and after your own rules,`,
  'as RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf is loaded. What it holds is let through on all paths.',
];
const ENGINE_NAMES: Readonly<Record<WafEngine, string>> = {
  modsecurity2: 'ModSecurity 2.9',
  modsecurity3: 'ModSecurity 3',
  coraza: 'Coraza 3',
};
