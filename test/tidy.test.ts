/** The code base checks itself: the direction of imports, and what is easy to forget when a format is added. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { FORMATS } from '../processors/parse/index.ts';

const root = join(import.meta.dirname, '..');
const stages = ['ingest', 'processors', 'models', 'outputs', 'reports', 'web', 'cli'] as const;
type Stage = (typeof stages)[number];
type Allowed = 'types' | 'all';

/** What each stage may import of the others. What is not named is forbidden. */
const mayImport: Readonly<Record<Stage, Readonly<Record<string, Allowed>>>> = {
  ingest: {},
  processors: { ingest: 'types' },
  models: { processors: 'all' },
  outputs: { processors: 'all', models: 'types' },
  reports: { processors: 'all', models: 'types', 'outputs/output.ts': 'types' },
  web: {
    processors: 'all',
    models: 'types',
    'models/waf/decision.ts': 'all',
    outputs: 'types',
    'outputs/search.ts': 'all',
    reports: 'all',
  },
  cli: {
    ingest: 'all',
    processors: 'all',
    models: 'all',
    outputs: 'all',
    reports: 'all',
    web: 'all',
    'package.json': 'all',
  },
};

/** Inside processors, in the order in which lines pass through; a folder imports only itself and earlier ones. */
const processorOrder = ['processors/parse', 'processors/resolve', 'processors/correlate', 'processors/profile'];

const linesMax = 700;
interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = stages.flatMap((stage) => globSync(`${stage}/**/*.ts`, { cwd: root })).sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const imports = files.flatMap(importsOf);

describe('imports', () => {
  test('go in one direction', () => {
    const wrong = imports
      .filter((i) => !isAllowed(i))
      .map((i) => `${i.from} imports ${i.to}${i.typeOnly ? ' (types)' : ''}`);
    assert.deepEqual(wrong, []);
  });

  test('nothing imports cli', () => {
    const wrong = imports.filter((i) => i.to.startsWith('cli/') && !i.from.startsWith('cli/'));
    assert.deepEqual(wrong, []);
  });

  test('models/math imports nothing of ours', () => {
    assert.deepEqual(
      imports.filter((i) => i.from.startsWith('models/math/') && !i.to.startsWith('models/math/')),
      [],
    );
  });

  test('inside processors follow the way of a line', () => {
    const placeOf = (file: string): number => processorOrder.indexOf(file.split('/').slice(0, 2).join('/'));
    const wrong = imports.filter((i) => !i.typeOnly && placeOf(i.from) >= 0 && placeOf(i.to) > placeOf(i.from));
    assert.deepEqual(wrong, []);
  });

  test('have no cycles', () => {
    assert.deepEqual(cycle(), undefined);
  });

  test('name files that exist, with their extension', () => {
    const wrong = imports.filter((i) => !existsSync(join(root, i.to)));
    assert.deepEqual(wrong, []);
  });
});

describe('every file', () => {
  test('is named in kebab-case', () => {
    assert.deepEqual(
      files.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(css|js))?\.ts$/.test(basename(file))),
      [],
    );
  });

  test(`has at most ${linesMax} lines`, () => {
    const wrong = [...texts].flatMap(([file, text]) => {
      const lines = text.split('\n').length - 1;
      return lines > linesMax ? [`${file}: ${lines}`] : [];
    });
    assert.deepEqual(wrong, []);
  });

  test('keeps no notes to self', () => {
    const note = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X'].join(''));
    assert.deepEqual(linesWith(note), []);
  });

  test('uses no any', () => {
    assert.deepEqual(linesWith(/(?:[:<|&(,]\s*|\bas\s+)any\b(?=\s*[;,)>|&[\]=}]|$)/m, withoutTextAndComments), []);
  });
});

describe('every format', () => {
  for (const { name } of FORMATS) {
    test(`${name} has a page and golden lines`, () => {
      assert.ok(existsSync(join(root, 'docs', 'formats', `${name}.md`)), `docs/formats/${name}.md`);
      const logs = globSync(`test/golden/${name}/*.log`, { cwd: root });
      assert.ok(logs.length > 0, `test/golden/${name}/*.log`);
      for (const log of logs) {
        const expected = log.replace(/\.log$/, '.expected.ndjson');
        assert.ok(existsSync(join(root, expected)), expected);
      }
    });
  }
});

function importsOf(file: string): readonly Import[] {
  const found: Import[] = [];
  for (const m of (texts.get(file) ?? '').matchAll(/^(?:import|export)\s+(type\s)?([^;'"]*?from\s+)?'(\.[^']+)'/gm)) {
    const to = relative(root, join(root, dirname(file), m[3] ?? ''));
    found.push({ from: file, to, typeOnly: m[1] !== undefined || onlyTypes(m[2] ?? '') });
  }
  return found;
}

/** `{ type A, type B } from`: every name is a type. */
function onlyTypes(clause: string): boolean {
  const names =
    /\{([^}]*)\}/
      .exec(clause)?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '') ?? [];
  return names.length > 0 && names.every((name) => name.trim().startsWith('type '));
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const stage = stages.find((s) => from.startsWith(`${s}/`));
  if (!stage || to.startsWith(`${stage}/`)) return true;
  const allowed = mayImport[stage][to] ?? mayImport[stage][to.split('/')[0] ?? ''];
  return allowed === 'all' || (allowed === 'types' && typeOnly);
}

/** One cycle of value imports as a list of files, if there is any. Types vanish before the code runs, so they may refer to each other. */
function cycle(): readonly string[] | undefined {
  const next = new Map<string, string[]>();
  for (const i of imports) if (!i.typeOnly) next.set(i.from, [...(next.get(i.from) ?? []), i.to]);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const to of next.get(file) ?? []) {
      const found = visit(to);
      if (found) return found;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const found = visit(file);
    if (found) return found;
  }
  return undefined;
}

function linesWith(pattern: RegExp, reduce: (line: string) => string = (line) => line): readonly string[] {
  return [...texts].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, i) => (pattern.test(reduce(line)) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
}

const withoutTextAndComments = (line: string): string => line.replace(/\/\/.*$|^\s*\/?\*.*$|'[^']*'|`[^`]*`/g, '');
