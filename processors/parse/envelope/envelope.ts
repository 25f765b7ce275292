import type { Stamp } from '../../event.ts';

/** What an envelope says about the message inside. */
export interface Envelope {
  readonly stamp: Stamp | undefined;
  readonly host: string | undefined;
  readonly program: string | undefined;
  readonly pid: number | undefined;
  readonly message: string;
}

const PROGRAM_MAX = 80;

/** `prog[123]: message` or `prog: message`. A text without such a tag is all message. */
export function splitTag(
  text: string,
  at: number,
): { program: string | undefined; pid: number | undefined; message: string } {
  const limit = Math.min(text.length, at + PROGRAM_MAX);
  let i = at;
  for (; i < limit; i++) {
    const c = text.charCodeAt(i);
    if (c === 58 || c === 91 || c === 32) break;
  }
  const c = text.charCodeAt(i);
  if (i === at || i === limit || c === 32) return { program: undefined, pid: undefined, message: text.slice(at) };
  const program = text.slice(at, i);
  if (c === 58) return { program, pid: undefined, message: text.slice(text.charCodeAt(i + 1) === 32 ? i + 2 : i + 1) };
  const close = text.indexOf(']', i);
  if (close < 0 || close - i > 24) return { program: undefined, pid: undefined, message: text.slice(at) };
  const pid = Number(text.slice(i + 1, close));
  const colon = text.charCodeAt(close + 1) === 58 ? close + 2 : close + 1;
  return {
    program,
    pid: Number.isSafeInteger(pid) ? pid : undefined,
    message: text.slice(text.charCodeAt(colon) === 32 ? colon + 1 : colon),
  };
}
