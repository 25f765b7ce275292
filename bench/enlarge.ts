/**
 * Writes a site's logs of any size from the recording in samples/lab-a: copies one after another in time, each with its own users, addresses
 * and session ids. Memory does not grow with the size; the same call writes the same bytes.
 * `node bench/enlarge.ts LINES FOLDER [FILTER]`, FILTER: only lines that contain it (`' dovecot: '`).
 */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type LabLine, labLine, renderLine } from './lab-line.ts';

const LOGS = fileURLToPath(new URL('../samples/lab-a/logs', import.meta.url));
const BUFFER_CHARS = 1 << 20;

interface LabFile {
  readonly name: string;
  readonly header: string;
  readonly lines: readonly LabLine[];
}

/** Writes exactly `lines` lines (headers of files not counted) into `folder`; gives the number of bytes. */
export function enlarge(lines: number, folder: string, filter?: string): number {
  const files = readdirSync(LOGS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.gz'))
    .map((entry) => labFile(join(entry.parentPath, entry.name), filter))
    .filter((file) => file.lines.length > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  let bytes = 0;
  for (const [i, file] of files.entries()) bytes += writeCopies(file, share(files, i, lines), folder);
  return bytes;
}

/** How many of `lines` fall to file `i`: by its part of the recording, rounded so that the sum is right. */
function share(files: readonly LabFile[], i: number, lines: number): number {
  const count = (upTo: number) => files.slice(0, upTo).reduce((n, f) => n + f.lines.length, 0);
  const all = count(files.length);
  return Math.floor((lines * count(i + 1)) / all) - Math.floor((lines * count(i)) / all);
}

function labFile(path: string, filter: string | undefined): LabFile {
  const texts = gunzipSync(readFileSync(path)).toString('latin1').split('\n');
  if (texts.at(-1) === '') texts.pop();
  const header = texts[0]?.startsWith('start,end,') && filter === undefined ? `${texts.shift()}\n` : '';
  const kept = filter === undefined ? texts : texts.filter((t) => t.includes(filter));
  return { name: relative(LOGS, path).slice(0, -'.gz'.length), header, lines: kept.map(labLine) };
}

function writeCopies(file: LabFile, lines: number, folder: string): number {
  const path = join(folder, file.name);
  mkdirSync(dirname(path), { recursive: true });
  const out = openSync(path, 'w');
  let bytes = 0;
  let text = file.header;
  const write = (): void => {
    const chunk = Buffer.from(text, 'latin1');
    for (let at = 0; at < chunk.length; ) at += writeSync(out, chunk, at);
    bytes += chunk.length;
    text = '';
  };
  for (let written = 0, copy = 0; written < lines; copy++) {
    for (const line of file.lines) {
      if (written++ === lines) break;
      text += `${renderLine(line, copy)}\n`;
      if (text.length > BUFFER_CHARS) write();
    }
  }
  write();
  closeSync(out);
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [lines, folder, filter] = process.argv.slice(2);
  if (!(Number(lines) > 0) || folder === undefined) {
    process.stderr.write('node bench/enlarge.ts LINES FOLDER [FILTER]\n');
    process.exit(2);
  }
  const bytes = enlarge(Number(lines), folder, filter);
  console.log(`${Number(lines).toLocaleString('en')} lines, ${(bytes / 1e6).toFixed(0)} MB in ${folder}`);
}
