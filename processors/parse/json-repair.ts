/**
 * JSON from writers that do not escape what they should: raw control characters, `\x0d`, lone backslashes, and records that were cut.
 * Tried only after `JSON.parse` has refused the text, because it copies the text once.
 */

/** The value of a JSON text, repaired if need be; undefined if it is beyond repair. Linear; never throws. */
export function parseBrokenJson(text: string): unknown {
  const direct = tryParse(text);
  return direct !== undefined ? direct : tryParse(repairJson(text));
}

function tryParse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

const NEVER = -1;

/** Escapes what must be escaped inside strings, and closes what a cut left open. */
export function repairJson(text: string): string {
  const out: string[] = [];
  const open: string[] = []; // closing characters, innermost last
  let copied = 0;
  let stringAt = NEVER;
  let keyNext = false; // the next string is a key of an object
  let afterKey = false; // a key was read, its value was not begun
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (stringAt >= 0) {
      const found = escapeAt(text, i);
      if (found.skip > 0) i += found.skip;
      else if (found.instead !== undefined) {
        out.push(text.slice(copied, i), found.instead);
        copied = i + 1;
      } else if (c === '"') {
        stringAt = NEVER;
        afterKey = keyNext;
        keyNext = false;
      }
    } else if (c === '"') {
      stringAt = i;
      if (!keyNext) afterKey = false;
    } else if (c === '{' || c === '[') {
      open.push(c === '{' ? '}' : ']');
      keyNext = c === '{';
      afterKey = false;
    } else if (c === '}' || c === ']') {
      open.pop();
      keyNext = false;
      afterKey = false;
    } else if (c === ',') keyNext = open[open.length - 1] === '}';
    else if (c > ' ' && c !== ':') afterKey = false;
  }
  let rest = text.slice(copied);
  if (stringAt >= 0) {
    rest = `${rest.endsWith('\\') && !rest.endsWith('\\\\') ? rest.slice(0, -1) : rest}"`;
    afterKey = keyNext;
  }
  return out.join('') + closed(rest.trimEnd(), afterKey) + open.reverse().join('');
}

/** The end of a cut record, made complete: a comma or half a literal goes, a key gets a value. */
function closed(rest: string, afterKey: boolean): string {
  if (rest.endsWith(',')) return rest.slice(0, -1);
  if (afterKey) return rest.endsWith(':') ? `${rest}null` : `${rest}:null`;
  return rest.replace(/([:[,]\s{0,8})(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-)$/, '$1null');
}

/** What to do with the character at `i` of a string: skip an escape, write something instead, or take it as it is. */
function escapeAt(text: string, i: number): { readonly skip: number; readonly instead: string | undefined } {
  const c = text.charCodeAt(i);
  if (c < 32) return { skip: 0, instead: `\\u${c.toString(16).padStart(4, '0')}` };
  if (c !== 92) return PLAIN;
  const next = text[i + 1];
  if (next === undefined) return PLAIN;
  if ('"\\/bfnrt'.includes(next)) return { skip: 1, instead: undefined };
  if (next === 'u' && /^[0-9A-Fa-f]{4}$/.test(text.slice(i + 2, i + 6))) return { skip: 5, instead: undefined };
  return { skip: 0, instead: '\\\\' };
}

const PLAIN = { skip: 0, instead: undefined } as const;
