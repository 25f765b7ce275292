/**
 * Lists that are as long as they must be and are replaced, not written to: most have a few members, and there are millions of them. `push`
 * would leave room for many, and `concat` takes four times as long. Numbers and texts have each their own function, because the engine
 * stores numbers without a box only where a function makes nothing else.
 */

/** With three more at the end. */
export function withThree(list: readonly number[], a: number, b: number, c: number): number[] {
  const n = list.length;
  const longer = new Array<number>(n + 3);
  for (let i = 0; i < n; i++) longer[i] = list[i] ?? 0;
  longer[n] = a;
  longer[n + 1] = b;
  longer[n + 2] = c;
  return longer;
}

/** With one more at the end; the first is dropped where there would be more than `max`. */
export function withNumber(list: readonly number[], number: number, max: number): number[] {
  const from = list.length < max ? 0 : 1;
  const n = list.length - from;
  const longer = new Array<number>(n + 1);
  for (let i = 0; i < n; i++) longer[i] = list[i + from] ?? 0;
  longer[n] = number;
  return longer;
}

/** With one more at the end. */
export function withText(list: readonly string[], text: string): string[] {
  const n = list.length;
  const longer = new Array<string>(n + 1);
  for (let i = 0; i < n; i++) longer[i] = list[i] ?? '';
  longer[n] = text;
  return longer;
}
