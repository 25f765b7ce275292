import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { parse, YAMLParseError } from 'yaml';
import { errorCode } from '../ingest/problem.ts';
import { UseError } from './use-error.ts';

/** A configuration file (YAML), as it stands. Throws a UseError if it cannot be read. */
export function readConfigFile(file: string): object {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UseError(`--config ${file}: cannot be read (${errorCode(error)}). Check the path and its rights.`);
  }
  let data: unknown;
  try {
    data = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new UseError(`--config ${file}: is no YAML: ${error.message}`);
  }
  if (!isObject(data)) throw new UseError(`--config ${file}: is no configuration: it has no sections.`);
  return withWords(data, file);
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

/** What a schema found wrong, each with its place in the file. */
export function issuesText(issues: readonly v.BaseIssue<unknown>[]): string {
  return issues
    .slice(0, ISSUES_MAX)
    .map((issue) => `${snakeCase(v.getDotPath(issue) ?? 'the file')}: ${issue.message}`)
    .join('; ');
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
