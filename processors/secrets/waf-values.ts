import { headerEnd } from './headers.ts';
import { NAME } from './pairs.ts';
import { add, type SecretSpan } from './scan.ts';

const SECRET_VARIABLE = new RegExp(
  `^(?:REQUEST_COOKIES:|(?:REQUEST_HEADERS|ARGS(?:_GET|_POST)?|XML|JSON)[:.].*(?:${NAME}|authorization|cookie|x-api-key)\\d?$)`,
  'i',
);
const VARIABLE_MAX = 128;
const MATCHED_MAX = 4096;
const VALUE = "' (Value: `";
const WITHIN = ' found within ';

/** ModSecurity's sentences: ``variable `ARGS:password' (Value: `X' )`` and `Matched Data: X found within ARGS:password: Y"`. */
export function wafValues(text: string, found: SecretSpan[]): void {
  for (let at = text.indexOf(VALUE); at >= 0; ) {
    const start = at + VALUE.length;
    const before = text.slice(Math.max(0, at - VARIABLE_MAX), at);
    let end = start;
    if (SECRET_VARIABLE.test(before.slice(before.lastIndexOf('`') + 1))) {
      const close = text.indexOf("' )", start);
      end = close < 0 ? text.length : close;
      add(found, start, end);
    }
    at = text.indexOf(VALUE, end);
  }
  for (let at = text.indexOf(WITHIN); at >= 0; ) {
    const nameAt = at + WITHIN.length;
    const length = text.slice(nameAt, nameAt + VARIABLE_MAX).indexOf(': ');
    let end = nameAt;
    if (length > 0 && SECRET_VARIABLE.test(text.slice(nameAt, nameAt + length))) {
      const from = Math.max(0, at - MATCHED_MAX);
      const matched = text.slice(from, at).lastIndexOf('Matched Data: ');
      if (matched >= 0) add(found, from + matched + 14, at);
      end = headerEnd(text, nameAt + length + 2);
      add(found, nameAt + length + 2, end);
    }
    at = text.indexOf(WITHIN, end);
  }
}
