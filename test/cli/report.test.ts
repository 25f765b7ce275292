/** The weekly report through the real command, on a store of five made weeks. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { openStore } from '../../outputs/sqlite.ts';
import { madeWeeks } from '../reports/weekly/made-weeks.ts';
import { healthySession } from './lines.ts';
import { at, imapwhy, workplace } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'imapwhy-report-'));
const store = join(dir, 'imapwhy.db');

before(async () => {
  const { profiles, incidents, coverage } = madeWeeks({ healthyPerDay: 60 });
  const made = openStore(store);
  await made.write({ profiles, incidents, events: [] });
  made.recordCoverage(coverage);
  made.recordRun({ startedAt: '2026-11-23T00:00:00.000Z', inputs: ['logs'], zone: 'Europe/Warsaw', engine: '0.1.0' });
  await made.close();
});
after(() => rmSync(dir, { recursive: true, force: true }));

const report = (...args: readonly string[]) => imapwhy(['report', '--store', store, ...args]);

describe('imapwhy report', () => {
  it('writes the week it is asked for, in the zone of the last analysis; twice the same bytes', async () => {
    const [first, second] = await Promise.all([
      report('--week', '2026-W47', '--format', 'json'),
      report('--format', 'json'),
    ]);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, second.stdout);
    const document: unknown = JSON.parse(first.stdout);
    assert.equal(at(document, 'week.start'), '2026-11-16T00:00+01:00');
    assert.equal(at(document, 'gaps.coverage_known'), true);
    assert.match(String(at(document, 'headline')), /% of \d+ attempts succeeded/);
  });

  it('writes HTML and Markdown in both languages, to a file or to standard output', async () => {
    const file = join(dir, 'week.html');
    const [html, markdown] = await Promise.all([
      report('--week', '2026-W47', '--lang', 'zh', '--out', file),
      report('--week', '2026-W46', '--format', 'markdown', '--tz', 'UTC'),
      report('--out', join(dir, 'week.json')),
    ]);
    assert.equal(at(JSON.parse(readFileSync(join(dir, 'week.json'), 'utf8')), 'version'), 1);
    assert.deepEqual([html.code, html.stdout, html.stderr], [0, '', '']);
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>\n<html lang="zh-CN">[\s\S]*IMAP 连接失败原因周报/);
    assert.equal(markdown.code, 0, markdown.stderr);
    assert.match(
      markdown.stdout,
      /^# Why IMAP connections failed · week 46 of 2026\n\n9 Nov to 15 Nov 2026, time zone UTC/,
    );
  });

  it('compares before and after a moment', async () => {
    const { code, stdout } = await report('--moment', '2026-11-18T12:00', '--format', 'json');
    assert.equal(code, 0);
    const document: unknown = JSON.parse(stdout);
    assert.equal(at(document, 'before_after.moment'), '2026-11-18T12:00+01:00');
    assert.equal(at(document, 'week.name'), '2026-W47');
  });

  it('hides names by the key of the site', async () => {
    const { stdout } = await report('--pseudonymise', '--format', 'markdown');
    assert.doesNotMatch(stdout, /example\.org|203\.0\.113/);
    assert.match(stdout, /net-[a-z2-9]{10}/);
  });
});

describe('imapwhy report refuses', () => {
  const refusals: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['--week', '2026-47'], 2, /--week 2026-47: not an ISO week.*2026-W47/],
    [['--week', '2025-W53'], 2, /not an ISO week/],
    [['--week', '2126-W01'], 2, /2126-W01 begins on .* still to come/],
    [['--week', '2020-W10'], 1, /no sessions of 2020-W10 .*holds 2026-W43 to 2026-W47: imapwhy report --week 2026-W47/],
    [['--tz', 'Europe/Nowhere'], 2, /--tz Europe\/Nowhere: unknown zone/],
    [['--moment', 'yesterday'], 2, /--moment yesterday: write a date/],
    [['--moment', '2026-11-22T23:59'], 1, /fewer than 15 minutes of data/],
    [['--format', 'docx'], 2, /html, markdown, json/],
    [['--lang', 'fr'], 2, /en, zh/],
    [['--out', join(dir, 'no', 'such', 'folder', 'x.html')], 1, /cannot be written/],
  ];
  for (const [args, expected, sentence] of refusals) {
    it(args.join(' '), async () => {
      const { code, stderr, stdout } = await report(...args);
      assert.match(stderr, sentence);
      assert.deepEqual([code, stdout], [expected, '']);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  it('a store that is not there, and a file that is none', async () => {
    const other = join(dir, 'other.db');
    writeFileSync(other, 'not a store, but long enough to be looked at as one. '.repeat(20));
    const [missing, foreign] = await Promise.all([
      imapwhy(['report', '--store', join(dir, 'none.db')]),
      imapwhy(['report', '--store', other]),
    ]);
    assert.deepEqual([missing.code, foreign.code], [1, 1]);
    assert.match(missing.stderr, /no such store/);
    assert.match(foreign.stderr, /is not a store of imapwhy/);
  });

  it('an empty store', async () => {
    const empty = join(dir, 'empty.db');
    await openStore(empty).close();
    const { code, stderr } = await imapwhy(['report', '--store', empty]);
    assert.equal(code, 1);
    assert.match(stderr, /holds no sessions yet/);
  });

  it('a damaged store, which it leaves as it is', async () => {
    const damaged = join(dir, 'damaged.db');
    copyFileSync(store, damaged);
    const bytes = readFileSync(damaged);
    bytes.fill(0xff, 40 * 16_384, 200 * 16_384);
    writeFileSync(damaged, bytes);
    const { code, stderr, stdout } = await imapwhy(['report', '--store', damaged, '--week', '2026-W47']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /damaged/);
    assert.deepEqual(readFileSync(damaged), bytes);
  });
});

describe('imapwhy report reads', () => {
  it('a store of an older version without bringing it up', async () => {
    const old = join(dir, 'old.db');
    copyFileSync(store, old);
    const db = new DatabaseSync(old);
    db.exec('DROP TABLE source_hours; PRAGMA user_version = 5');
    db.close();
    const { code, stdout, stderr } = await imapwhy(['report', '--store', old, '--format', 'json']);
    assert.equal(code, 0, stderr);
    assert.equal(at(JSON.parse(stdout), 'gaps.coverage_known'), false);
    const after = new DatabaseSync(old, { readOnly: true });
    assert.equal(after.prepare('PRAGMA user_version').get()?.user_version, 5);
    after.close();
    assert.equal(existsSync(`${old}.v5`), false);
  });

  it('along while a service writes', async () => {
    const busy = join(dir, 'busy.db');
    copyFileSync(store, busy);
    const writer = join(import.meta.dirname, '..', 'outputs', 'store-writer.ts');
    const child = spawn(process.execPath, [writer, busy, 'false', '5'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.stdout.resume();
      const { code, stderr } = await imapwhy(['report', '--store', busy, '--week', '2026-W47', '--format', 'json']);
      assert.equal(code, 0, stderr);
      assert.equal(child.exitCode, null);
    } finally {
      child.kill();
      await ended;
    }
  });

  it('what analyze has recorded of the hours of each log', async (t) => {
    const work = workplace(t);
    const nine = Date.UTC(2026, 10, 18, 9);
    const sessions = Array.from({ length: 6 }, (_, hour) => healthySession({ at: nine + hour * 3_600_000 }));
    const log = work.write('mail.log', sessions.join(''));
    assert.equal((await work.analyze([log, '--year', '2026', '--quiet'])).code, 0);
    const { stdout } = await imapwhy(['report', '--store', join(work.out, 'imapwhy.db'), '--format', 'json']);
    const document: unknown = JSON.parse(stdout);
    assert.equal(at(document, 'gaps.coverage_known'), true);
    assert.equal(at(document, 'gaps.hours_covered'), 6);
    const [source] = Object.values(at(document, 'gaps.sources') ?? {});
    assert.deepEqual([at(source, 'source'), at(source, 'lines'), at(source, 'hours')], [log, 12, 6]);
  });
});
