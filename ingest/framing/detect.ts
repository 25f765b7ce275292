/** Tells by its beginning how an input must be cut into records. Names and endings of files say nothing here. */
import type { Framing } from '../record.ts';
import { partBoundary } from './multi-line.ts';

/**
 * `head`: the first 64 KiB of the decoded text, or all of it.
 * Lines are the rule. Audit logs are known by their boundary lines; JSON by a document that goes on over the end of its first line, holds
 * an array of objects, or wraps one. JSON with one object a line is framed as lines, which is faster and keeps damage to one record.
 */
export function detectFraming(head: string): Framing {
  if (isAuditLog(head)) return 'modsecurity-audit';
  return isJsonDocument(head) ? 'json-array' : 'line';
}

/** An A boundary before its `[time]` line; or, when rotation cut the beginning off, two boundaries of one transaction. */
function isAuditLog(head: string): boolean {
  const seen = new Set<string>();
  for (let start = head.startsWith('--') ? 0 : nextDashes(head, 0); start >= 0; start = nextDashes(head, start)) {
    const boundary = partBoundary(lineAt(head, start));
    if (boundary === undefined) continue;
    if (boundary.part === 'A' && head.startsWith('[', head.indexOf('\n', start) + 1)) return true;
    if (seen.has(boundary.id)) return true;
    seen.add(boundary.id);
  }
  return false;
}

/** Start of the next line that begins with `--`; -1 when there is none. */
function nextDashes(head: string, from: number): number {
  const found = head.indexOf('\n--', from);
  return found < 0 ? -1 : found + 1;
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  const line = end < 0 ? text.slice(start) : text.slice(start, end);
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function isJsonDocument(head: string): boolean {
  const start = skipSpace(head, 0);
  const first = head.charAt(start);
  if (first === '[') return isArrayOfObjects(head, start);
  if (first !== '{') return false;
  const inside = skipSpace(head, start + 1);
  if (head.charAt(inside) !== '"' && head.charAt(inside) !== '}') return false;
  const end = head.indexOf('\n', start);
  const shape = jsonShape(end < 0 ? head.slice(start) : head.slice(start, end));
  if (shape === 'several') return true;
  if (shape === 'whole') return beginsAsWrapper(head, inside) && isLoneArray(lineAt(head, start));
  // A line that is longer than what we see is one record, cut if need be; only a wrapper is worth more.
  if (end < 0) return beginsAsWrapper(head, inside);
  return shape !== 'broken' && goesOn(shape.last, shape.within, head.charAt(skipSpace(head, end)));
}

/** Whether JSON whose line ends in `last`, inside a `within` bracket, may go on with `next`. A damaged line before the next document may not. */
function goesOn(last: string, within: string, next: string): boolean {
  if (next === '') return true;
  if (next === '}' || next === ']' || next === ',') return last !== ',' && last !== ':';
  if (last === ':') return true;
  return (last === ',' || last === within) && (within === '[' || next === '"');
}

/** `[` may also begin a log line, `[24/Nov/2026…`, so the next thing must be an object with a key. */
function isArrayOfObjects(head: string, start: number): boolean {
  const element = skipSpace(head, start + 1);
  if (head.charAt(element) === ']') return skipSpace(head, element + 1) === head.length;
  if (head.charAt(element) !== '{') return false;
  const key = head.charAt(skipSpace(head, element + 1));
  return key === '"' || key === '}' || key === '';
}

/** `{"key":[{`, with or without space. */
function beginsAsWrapper(head: string, keyStart: number): boolean {
  if (head.charAt(keyStart) !== '"') return false;
  const keyEnd = head.indexOf('"', keyStart + 1);
  if (keyEnd < 0 || head.slice(keyStart, keyEnd).includes('\\')) return false;
  const colon = skipSpace(head, keyEnd + 1);
  const bracket = skipSpace(head, colon + 1);
  return (
    head.charAt(colon) === ':' && head.charAt(bracket) === '[' && head.charAt(skipSpace(head, bracket + 1)) === '{'
  );
}

function isLoneArray(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && Object.keys(value).length === 1;
  } catch {
    return false;
  }
}

/** The document goes on after the line: the line's last character, and the bracket that is open there. */
interface OpenShape {
  readonly last: string;
  readonly within: string;
}

/**
 * How the brackets of one line stand. 'whole': one document; 'several': another follows at once; 'broken': the line ends inside a string,
 * or something else follows, so it is a damaged line of JSON or no JSON.
 */
function jsonShape(line: string): 'whole' | 'several' | 'broken' | OpenShape {
  const open: string[] = [];
  let inString = false;
  for (let i = 0; i < line.length; i += 1) {
    const unit = line.charCodeAt(i);
    if (inString) {
      if (unit === 0x5c) i += 1;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) {
      inString = true;
    } else if (unit === 0x7b || unit === 0x5b) {
      open.push(line.charAt(i));
    } else if (unit === 0x7d || unit === 0x5d) {
      open.pop();
      if (open.length > 0) continue;
      const rest = skipSpace(line, i + 1);
      if (rest === line.length) return 'whole';
      return line.charAt(rest) === '{' ? 'several' : 'broken';
    }
  }
  if (inString) return 'broken';
  return { last: line.trimEnd().slice(-1), within: open.at(-1) ?? '' };
}

/** Index of the first character from `start` on that JSON does not count as white space. */
function skipSpace(text: string, start: number): number {
  let i = start;
  while (i < text.length) {
    const unit = text.charCodeAt(i);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) break;
    i += 1;
  }
  return i;
}
