/**
 * How long the web page's questions take over a large store. `node bench/search.ts [COUNT [FOLDER]]` (default 1,000,000; FOLDER keeps the store for the
 * next time). Each question is asked three times; the slowest is shown, and the first time of all right after opening, when nothing is cached by SQLite.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../outputs/sqlite.ts';
import { CAUSE_LABELS, type Profile } from '../processors/profile/profile.ts';
import { parseQuery } from '../web/query.ts';
import { profileOf } from './stored-profile.ts';

const COUNT = Number(process.argv[2] ?? 1_000_000);
const kept = process.argv[3];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'imapwhy-search-'));
const file = join(folder, `search-${COUNT}.db`);
const BATCH = 2000;

/** One in twenty failed, of each cause in turn. */
function sampleOf(index: number): Profile {
  const p = profileOf(index);
  if (index % 20 !== 0) return p;
  const label = CAUSE_LABELS[(index / 20) % (CAUSE_LABELS.length - 1)] ?? 'none';
  const cause = { ...p.imapwhy.cause, label };
  return { ...p, imapwhy: { ...p.imapwhy, outcome: 'timeout', stalled_in: 'tls', cause } };
}

const QUESTIONS = [
  '',
  'is:failed',
  'user:user4711',
  'client:198.18.7.*',
  'cause:network.* since:2h',
  'phase:tls -outcome:ok server:mx1',
  'user:nobody',
  'cause:server.auth_slow user:user17',
  'since:1d until:12h is:failed',
];

try {
  if (!existsSync(file)) {
    const store = openStore(file);
    for (let first = 0; first < COUNT; first += BATCH) {
      const profiles = Array.from({ length: Math.min(BATCH, COUNT - first) }, (_, i) => sampleOf(first + i));
      await store.write({ profiles, events: [], incidents: [] });
    }
    await store.close();
  }
  const store = openStore(file, { bulk: false });
  const context = { now: store.search.period()?.last ?? 0, zone: 'UTC' };
  const ask = (text: string): { ms: number; sessions: number } => {
    const start = performance.now();
    const { query } = parseQuery(text, context);
    store.search.page(query, 50);
    const { sessions } = store.search.counts(query);
    return { ms: performance.now() - start, sessions };
  };
  console.log(
    `first page and counts over ${COUNT.toLocaleString('en')} profiles; the first question after opening: ${ask('').ms.toFixed(0)} ms`,
  );
  for (const text of QUESTIONS) {
    const answers = [ask(text), ask(text), ask(text)];
    const ms = Math.max(...answers.map((a) => a.ms));
    console.log(
      `${ms.toFixed(0).padStart(6)} ms  ${String(answers[0]?.sessions).padStart(7)} sessions  ${text === '' ? '(all)' : text}`,
    );
  }
  await store.close();
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
