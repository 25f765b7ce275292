/** More digits than this would lose precision, and no daemon prints them. */
const DIGITS_MAX = 15;

/** The unsigned decimal number (`12`, `0.345`) that begins at `at`. Undefined if none begins there, or it is absurdly long. */
export function numberAt(text: string, at: number): number | undefined {
  let i = at;
  let value = 0;
  let c = text.charCodeAt(i);
  while (c >= 48 && c <= 57) {
    value = value * 10 + (c - 48);
    c = text.charCodeAt(++i);
  }
  const digits = i - at;
  if (digits === 0 || digits > DIGITS_MAX) return undefined;
  if (c !== 46) return value;
  let scale = 1;
  c = text.charCodeAt(++i);
  while (c >= 48 && c <= 57 && scale < 1e6) {
    scale *= 10;
    value = value * 10 + (c - 48);
    c = text.charCodeAt(++i);
  }
  return value / scale;
}

/** The number right behind the first `label` at or after `from` and before `to`. Undefined if either is missing. */
export function numberAfter(text: string, label: string, from: number, to: number): number | undefined {
  const i = text.indexOf(label, from);
  return i < 0 || i >= to ? undefined : numberAt(text, i + label.length);
}

/** A TCP port at `at`, or undefined. */
export function portAt(text: string, at: number): number | undefined {
  const port = numberAt(text, at);
  return port !== undefined && port <= 65_535 && Number.isInteger(port) ? port : undefined;
}

/** The whole number that ends at `end` (`3 attempts`: at the space). Undefined if none does. */
export function numberBefore(text: string, end: number): number | undefined {
  let from = end;
  while (from > 0 && end - from < DIGITS_MAX) {
    const c = text.charCodeAt(from - 1);
    if (c < 48 || c > 57) break;
    from--;
  }
  return numberAt(text, from);
}
