import { bounded, isSecretName, redactText, unescapeField } from './http-request.ts';

/** What a rule looked at and what of it matched, as far as its sentence says so. Secrets are left out, their length stays. */
export interface RuleMatch {
  /** Operator and parameter: `Rx ^action=login$`, `PmFromFile scanners-user-agents.data`. */
  readonly pattern?: string | undefined;
  /** The bytes that matched (`Matched Data: X found within …`); a short part of a secret may stand here. */
  readonly matched?: string | undefined;
  /** The beginning of the value that was looked at. */
  readonly value?: string | undefined;
  /** Characters of the whole value, where the log says how many it left out. */
  readonly valueLength?: number | undefined;
}

const PATTERN_MAX = 512;
const MATCHED_MAX = 256;
const VALUE_MAX = 512;
/** A longer piece of a secret would give it away. */
const SECRET_PIECE_MAX = 4;

/**
 * Reads the words of a sentence (v3: "Matched "Operator `Rx' with parameter `…' against variable `X' (Value: `…' )"; v2: "Pattern match "…" at X.")
 * and its data ("Matched Data: … found within X: …"). Never throws; what is not said is undefined.
 */
export function matchOf(words: string, tagged: string | undefined, variable: string | undefined): RuleMatch {
  const data = tagged === undefined ? NO_DATA : readData(unescapeField(tagged), variable);
  const shown = readValue(words);
  const secret = variable !== undefined && isSecretVariable(variable);
  const whole = shown?.value ?? data.value;
  return {
    pattern: patternOf(words),
    matched:
      secret && (data.matched?.length ?? 0) > SECRET_PIECE_MAX ? undefined : boundedText(data.matched, MATCHED_MAX),
    value: secret || whole === undefined ? undefined : boundedText(redactText(whole), VALUE_MAX),
    valueLength: shown?.length ?? data.value?.length,
  };
}

/** Whether what a variable holds may be a secret: a parameter or cookie of such a name, any cookie, an authorization header. */
export function isSecretVariable(variable: string): boolean {
  const colon = variable.indexOf(':');
  const collection = colon < 0 ? variable : variable.slice(0, colon);
  if (collection === 'REQUEST_COOKIES') return true;
  const name = colon < 0 ? '' : variable.slice(colon + 1);
  return (
    name !== '' &&
    (isSecretName(name) || (collection === 'REQUEST_HEADERS' && /^(?:proxy-)?authorization$|^cookie$/i.test(name)))
  );
}

interface Shown {
  readonly value: string;
  readonly length: number;
}

/** v3: `(Value: `…' )`, cut to 100 characters with the number that was left out. */
function readValue(words: string): Shown | undefined {
  const at = words.indexOf('(Value: `');
  if (at < 0) return undefined;
  const end = words.lastIndexOf("'");
  const text = words.slice(at + 9, end < at + 9 ? undefined : end);
  const cut = / \((\d{1,9}) characters omitted\)$/.exec(text);
  if (cut === null) return { value: text, length: text.length };
  const value = text.slice(0, cut.index);
  return { value, length: value.length + Number(cut[1]) };
}

interface Data {
  readonly matched: string | undefined;
  readonly value: string | undefined;
}

const NO_DATA: Data = { matched: undefined, value: undefined };

/** `Matched Data: X found within ARGS:id: VALUE`. X may hold anything, the variable's name is known from elsewhere. */
function readData(data: string, variable: string | undefined): Data {
  if (!data.startsWith('Matched Data: ')) return NO_DATA;
  const within = variable === undefined ? ' found within ' : ` found within ${variable}`;
  const at = data.indexOf(within);
  if (at < 0) return { matched: data.slice(14), value: undefined };
  const colon = data.indexOf(': ', at + within.length);
  return { matched: data.slice(14, at), value: colon < 0 ? undefined : data.slice(colon + 2) };
}

function patternOf(words: string): string | undefined {
  const v3 = /Matched "Operator `([A-Za-z]{1,40})' with parameter `/.exec(words.slice(0, 200));
  if (v3 !== null) {
    const from = v3.index + v3[0].length;
    const end = words.indexOf("' against variable `", from);
    return boundedText(`${v3[1]} ${words.slice(from, end < 0 ? undefined : end)}`.trimEnd(), PATTERN_MAX);
  }
  const v2 = /(?:Pattern match|Matched phrase|String match) "/.exec(words.slice(0, 200));
  if (v2 === null) return undefined;
  const from = v2.index + v2[0].length;
  const end = words.lastIndexOf('" at ');
  if (end < from) return undefined;
  const operator = v2[0].startsWith('Pattern') ? 'Rx' : v2[0].startsWith('Matched') ? 'Pm' : 'Streq';
  return boundedText(`${operator} ${words.slice(from, end)}`, PATTERN_MAX);
}

/** Undefined for nothing; control characters are kept, showing them is the reader's matter. */
function boundedText(text: string | undefined, max: number): string | undefined {
  return text === undefined || text === '' ? undefined : bounded(text, max);
}
