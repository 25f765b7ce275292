/**
 * Finds secrets in log text, by the rules in `secrets/`. Returns where they are; `redact.ts` replaces them.
 *
 * Everything here is linear in the length of the text: regular expressions only find where a secret begins (short, without a repetition in
 * front), its end is searched character by character, and the search goes on behind it. A first pass over the text for words without
 * which no rule can match lets ordinary lines go at once, for about half a microsecond.
 */
import { loginCommands, passCommands, saslResponses } from './secrets/commands.ts';
import { headers, urlPasswords } from './secrets/headers.ts';
import { isKeyBody, privateKeys } from './secrets/keys.ts';
import { pairs } from './secrets/pairs.ts';
import { comparedPasswords, givenPasswords, storedPasswords } from './secrets/passwords.ts';
import type { SecretSpan } from './secrets/scan.ts';
import { tokens } from './secrets/tokens.ts';
import { wafValues } from './secrets/waf-values.ts';

export type { SecretSpan } from './secrets/scan.ts';

/**
 * Words without which no rule below matches. They begin with few letters, so that most positions are left after a look at one character;
 * rarer beginnings are cheaper by `includes`, which searches a character at a time by vector instructions.
 */
const HINT = new RegExp(
  [
    '[Pp](?:ass|ASS|wd|WD|riv|RIV)',
    '[Tt](?:oken|OKEN|p=|P=)',
    '[Ss](?:ecret|ECRET|aml|AML|ESS_ID|essionid|ESSIONID|essid|ESSID|p=|P=|id=|sid|SID)',
    '[Cc](?:ookie|OOKIE|reden|REDEN|ode=|ode[-_]?[Vv]er)',
    'CRV1',
    '[Bb](?:earer|EARER)',
    '[Aa](?:uth|UTH)(?:ori|ORI|enti|ENTI|[-=])',
    'AUTH ',
    '[Aa](?:sser|SSER|pi[-_ ]?[kK]|PI[-_ ]?K|cces|CCES)',
    '[OW](?:PEN_URL|EB_AUTH)',
    '[Kk](?:ennw|ENNW)',
    '[Jj](?:wt|WT)',
    '\\{[A-Za-z][A-Za-z0-9.-]+\\}',
  ].join('|'),
);
const RARE_HINTS = ['$', 'eyJ', 'XNlcj1', "!= '", 'GIN ', 'gin '] as const;

/** `://anna:x@`: searched only where there is an `@`. */
const URL_USER = /:\/\/[^/\s:@]{0,255}:[^\s/]{1,255}@/;

function mayHoldSecret(text: string): boolean {
  if (HINT.test(text)) return true;
  for (const hint of RARE_HINTS) if (text.includes(hint)) return true;
  return (text.includes('@') && URL_USER.test(text)) || isKeyBody(text);
}

/** All secrets in `text`, in order, none touching another. Empty for most lines, after one look. */
export function secretsIn(text: string): readonly SecretSpan[] {
  if (!mayHoldSecret(text)) return [];
  const found: SecretSpan[] = [];
  for (const rule of RULES) rule(text, found);
  return merged(found);
}

type Rule = (text: string, found: SecretSpan[]) => void;

function merged(found: SecretSpan[]): readonly SecretSpan[] {
  if (found.length < 2) return found;
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const out: SecretSpan[] = [];
  for (const span of found) {
    const last = out.at(-1);
    if (last === undefined || span.start > last.end) out.push(span);
    else if (span.end > last.end) out[out.length - 1] = { start: last.start, end: span.end };
  }
  return out;
}

const RULES: readonly Rule[] = [
  pairs,
  givenPasswords,
  comparedPasswords,
  storedPasswords,
  saslResponses,
  loginCommands,
  passCommands,
  headers,
  tokens,
  urlPasswords,
  wafValues,
  privateKeys,
];
