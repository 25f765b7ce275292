import { readFileSync, statSync } from 'node:fs';
import * as v from 'valibot';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { errorCode } from '../ingest/problem.ts';
import { UseError } from './use-error.ts';

/** Where in its file something is written: by the keys and indexes that lead there. Undefined if it is not there. */
export type LineOf = (path: readonly unknown[]) => number | undefined;

export interface ConfigFile {
  readonly data: object;
  readonly lineOf: LineOf;
}

const BYTES_MAX = 16 << 20;

/** A YAML file, as it stands; `option` names it in what is told. Throws a UseError if it cannot be read. */
export function readYaml(file: string, option: string): ConfigFile {
  const where = `${option} ${file}`;
  let text: string;
  try {
    if (statSync(file).size > BYTES_MAX)
      throw new UseError(`${where}: is larger than 16 MiB, which no configuration is. Check the path.`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UseError) throw error;
    throw new UseError(`${where}: cannot be read (${errorCode(error)}). Check the path and its rights.`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [wrong] = document.errors;
  if (wrong) throw new UseError(`${where}: is no YAML: ${wrong.message}`);
  return { data: contentOf(document, where), lineOf: (path) => lineIn(document, lines, path) };
}

function contentOf(document: Document.Parsed, where: string): object {
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new UseError(`${where}: is no YAML that can be used: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(data)) throw new UseError(`${where}: is no configuration: it has no sections.`);
  return data;
}

/** Names in the file have words apart, as people write them, whatever our code calls them. */
function lineIn(document: Document.Parsed, lines: LineCounter, path: readonly unknown[]): number | undefined {
  const written = path.map((key) => (typeof key === 'string' ? snakeCase(key) : key));
  const node = document.getIn(written, true);
  const start = isNode(node) ? node.range?.[0] : undefined;
  return start === undefined ? undefined : lines.linePos(start).line;
}

/** A configuration file of `--config`. Throws a UseError if it cannot be read. */
export function readConfigFile(file: string): object {
  return readConfig(file).data;
}

export function readConfig(file: string): ConfigFile {
  const { data, lineOf } = readYaml(file, '--config');
  return { data: withWords(data, file), lineOf };
}

const CAMEL_SECTIONS: ReadonlySet<string> = new Set(['elasticsearch', 'kibana']);

/** People write `request_timeout_ms` in every section; these sections are called by the names that our code has for them. */
function withWords(data: object, file: string): object {
  return Object.fromEntries(
    Object.entries(data).map(([name, section]) => [
      name,
      CAMEL_SECTIONS.has(name) ? camel(section, name, file) : section,
    ]),
  );
}

function camel(value: unknown, path: string, file: string): unknown {
  if (Array.isArray(value) || !isObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const place = `${path}.${key}`;
    if (/[A-Z]/.test(key)) throw new UseError(`--config ${file}: ${place}: write ${snakeCase(key)}.`);
    return [key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), camel(inner, place, file)];
  });
  return Object.fromEntries(entries);
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const ISSUES_MAX = 5;

/** What a schema found wrong, each with its place in the file; with its line, where the file is at hand. */
export function issuesText(issues: readonly v.BaseIssue<unknown>[], lineOf: LineOf = () => undefined): string {
  const told = issues.slice(0, ISSUES_MAX).map((issue) => {
    const line = lineOf(issue.path?.map(({ key }) => key) ?? []);
    const place = snakeCase(v.getDotPath(issue) ?? 'the file');
    return `${line === undefined ? '' : `line ${line}: `}${place}: ${issue.message}`;
  });
  const more = issues.length - told.length;
  return `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
