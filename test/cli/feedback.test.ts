/** A person says what it was, about the sample sessions; once through the real command and a new analysis. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { runExplain } from '../../cli/explain.ts';
import { type FeedbackOptions, runFeedback } from '../../cli/feedback.ts';
import { UseError } from '../../cli/use-error.ts';
import { OutputError } from '../../outputs/output-error.ts';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { CAUSE_LABELS } from '../../processors/profile/profile.ts';
import { temporaryFolder } from '../outputs/small-disk.ts';
import { idleTimeoutSession, sampleSessions } from '../profiles.ts';
import { idleSession } from './lines.ts';
import { at, imapwhy, workplace } from './run.ts';

const HOSTILE_NAME = '\u001b[31mMallory\u001b[0m <img src=x onerror=alert(1)>';
const HOSTILE_NOTE = 'two\nlines\r\u202e and "quotes" </script>';
/** What must never reach a terminal or a page: an escape, a change of direction, a carriage return. */
const UNSAFE = /[\u001b\u202e\r]/;
const ID = idleTimeoutSession().profile.imapwhy.session.id;
const DOVECOT_ID = idleTimeoutSession().profile.imapwhy.session.dovecot_id ?? '';

async function sampleStore(t: TestContext): Promise<string> {
  const file = join(temporaryFolder(t), 'imapwhy.db');
  const store = openStore(file);
  const sessions = sampleSessions();
  await store.write({
    profiles: sessions.map((s) => s.profile),
    events: sessions.flatMap((s) => s.events),
    incidents: [],
  });
  await store.close();
  return file;
}

/** As the command does it, in this process: code 0 for done, 1 for not done, 2 for wrong use. */
async function feedback(id: string | undefined, label: string | undefined, options: FeedbackOptions) {
  try {
    const { out, problem } = await runFeedback(id, label, options);
    return { code: problem.length > 0 ? 1 : 0, out, problem: problem.join('\n') };
  } catch (error) {
    if (error instanceof UseError) return { code: 2, out: '', problem: error.message };
    if (error instanceof OutputError) return { code: 1, out: '', problem: error.message };
    throw error;
  }
}

function explained(id: string, store: string, json = false): string {
  let out = '';
  const code = runExplain(
    id,
    { store, json },
    { width: 100, colour: false, out: (text) => (out += text), err: () => {} },
  );
  assert.equal(code, 0);
  return out;
}

describe('imapwhy feedback', () => {
  test('a statement wins over the model, and explain says whose it is, when, why, and what the model had said', async (t) => {
    const store = await sampleStore(t);
    const said = await feedback(ID, 'security.rate_limit', { by: 'Ola', note: 'new router', store });
    assert.deepEqual([said.code, said.problem], [0, '']);
    assert.match(said.out, /^idle-7f21c0: security\.rate_limit, said by Ola, counts instead of .*server\.idle_timeout/);
    const text = explained(ID, store);
    assert.match(text, /^cause: security\.rate_limit, as a person said; owner: security$/m);
    assert.match(text, /^said by Ola on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: new router$/m);
    assert.match(text, /^the model had said server\.idle_timeout, [\d.]+ % sure$/m);
    assert.match(text, /^Evidence for server\.idle_timeout, the model’s answer, in log-odds$/m);
    assert.match(text, /See security\.rate_limit in docs\/causes\.md/);
    assert.doesNotMatch(text, /do not trust/);
    const json: unknown = JSON.parse(explained(ID, store, true));
    assert.equal(at(json, 'headline.cause'), 'security.rate_limit');
    assert.equal(at(json, 'headline.probability'), 1);
    assert.equal(at(json, 'feedback.model_label'), 'server.idle_timeout');
    assert.equal(at(json, 'decision.warning'), null);
  });

  test('finds the session by its first characters and by Dovecot’s id', async (t) => {
    const store = await sampleStore(t);
    for (const id of ['idle-', DOVECOT_ID, `<${DOVECOT_ID}>`]) {
      const { code, out } = await feedback(id, 'none', { by: 'Ola', json: true, store });
      assert.equal(code, 0);
      assert.equal(at(JSON.parse(out), 'session'), ID);
    }
    assert.match(explained(ID, store), /^cause: none, as a person said$/m);
  });

  test('names the sessions when several have that Dovecot id, and keeps nothing', async (t) => {
    const store = await sampleStore(t);
    const { profile } = idleTimeoutSession();
    const twin = { ...profile, imapwhy: { ...profile.imapwhy, session: { ...profile.imapwhy.session, id: 'twin' } } };
    const writer = openStore(store);
    await writer.write({ events: [], incidents: [], profiles: [twin] });
    await writer.close();
    const { code, problem } = await feedback(DOVECOT_ID, 'none', { by: 'Ola', store });
    assert.equal(code, 1);
    assert.match(problem, /Name one of them:\n {2}\S+\n {2}\S+$/);
    assert.equal((await feedback(undefined, undefined, { list: true, store })).out, 'Nobody has said anything yet.\n');
  });

  test('every statement is kept and listed; --undo lets the model’s answer count again', async (t) => {
    const store = await sampleStore(t);
    await feedback(ID, 'security.rate_limit', { by: 'Ola', store });
    await feedback(ID, 'none', { by: 'Jan', note: 'a test', store });
    const undone = await feedback(ID, undefined, { undo: true, by: 'Ola', store });
    assert.equal(undone.code, 0, undone.problem);
    const rows = (await feedback(undefined, undefined, { list: true, store })).out.trimEnd().split('\n');
    assert.equal(rows.length, 3);
    assert.match(rows[0] ?? '', /security\.rate_limit \(no longer counts\), Ola {2}\[model: server\.idle_timeout/);
    assert.match(rows[1] ?? '', /none \(no longer counts\), Jan: a test/);
    assert.match(rows[2] ?? '', /taken back, Ola/);
    assert.match(explained(ID, store), /^cause: server\.idle_timeout, [\d.]+ % sure/m);
    const again = await feedback(ID, undefined, { undo: true, by: 'Ola', store });
    assert.equal(again.code, 1);
    assert.match(again.problem, /nothing to take back/);
    const listed: unknown = JSON.parse((await feedback(ID, undefined, { list: true, json: true, store })).out);
    assert.ok(Array.isArray(listed) && listed.length === 3);
  });

  test('hostile names and notes stay text', async (t) => {
    const store = await sampleStore(t);
    const said = { by: HOSTILE_NAME, note: HOSTILE_NOTE, store };
    const texts = [
      (await feedback(ID, 'security.attack', said)).out,
      (await feedback(ID, 'security.attack', { ...said, json: true })).out,
      (await feedback(undefined, undefined, { list: true, store })).out,
      explained(ID, store),
      explained(ID, store, true),
    ];
    for (const text of texts) {
      assert.match(text, /Mallory/);
      assert.doesNotMatch(text, UNSAFE);
    }
    assert.match(texts[2] ?? '', /^[^\n]*two\\nlines[^\n]*\n[^\n]*two\\nlines[^\n]*\n$/); // two statements, a line each
    const read = readStore(store);
    const kept = read.profile(ID)?.imapwhy.feedback;
    read.close();
    assert.deepEqual([kept?.by, kept?.note], [HOSTILE_NAME, HOSTILE_NOTE]);
  });

  test('a new analysis keeps it, writes it, and shows it in the report as text', async (t) => {
    const place = workplace(t);
    const log = place.write('mail.log', idleSession({ at: Date.UTC(2026, 10, 24, 3, 24, 25) }));
    assert.equal((await place.analyze([log, '--year', '2026'])).code, 0);
    const id = String(at(place.documents('profiles')[0], 'imapwhy.session.id'));
    const store = join(place.out, 'imapwhy.db');
    const args = [id, 'server.storage_slow', '--by', HOSTILE_NAME, '--note', HOSTILE_NOTE, '--store', store];
    const said = await imapwhy(['feedback', ...args]);
    assert.deepEqual([said.code, said.stderr], [0, '']);
    assert.doesNotMatch(said.stdout, UNSAFE);
    assert.equal((await place.analyze([log, '--year', '2026'])).code, 0);
    const [profile] = place.documents('profiles');
    assert.equal(at(profile, 'imapwhy.cause.label'), 'server.storage_slow');
    assert.equal(at(profile, 'imapwhy.feedback.by'), HOSTILE_NAME);
    assert.match(explained(id, store), /^cause: server\.storage_slow, as a person said/m);
    const report = place.report();
    assert.match(report, /as a person said/);
    assert.match(report, /Mallory/);
    assert.doesNotMatch(report, UNSAFE);
    assert.doesNotMatch(report, /<img|<\/script> *<\/dd/);
  });

  test('wrong use is refused with a sentence that helps, and nothing is kept', async (t) => {
    const store = await sampleStore(t);
    const by = 'Ola';
    const labels = new RegExp(`one of ${CAUSE_LABELS.join(', ').replaceAll('.', '\\.')}`);
    const wrong: readonly (readonly [string | undefined, string | undefined, FeedbackOptions, number, RegExp])[] = [
      [undefined, undefined, {}, 2, /say which session/],
      ['', 'none', { by }, 2, /say which session/],
      [ID, undefined, { by }, 2, labels],
      [ID, 'server.gremlins', { by }, 2, labels],
      [ID, '__proto__', { by }, 2, /__proto__ is no cause that imapwhy knows/],
      [ID, 'none', {}, 2, /--by NAME is needed/],
      [ID, 'none', { by: ' \t' }, 2, /--by NAME is needed/],
      [ID, 'none', { by: 'x'.repeat(201) }, 2, /--by is 201 characters long; at most 200/],
      [ID, 'none', { by, note: 'x'.repeat(4001) }, 2, /--note is 4001 characters long/],
      [ID, 'none', { by, undo: true }, 2, /--undo takes no label/],
      [ID, 'none', { list: true }, 2, /--list shows only/],
      [ID, undefined, { list: true, by }, 2, /--list shows only/],
      ['nobody', 'none', { by }, 1, /No session has the id nobody/],
    ];
    for (const [id, label, options, code, message] of wrong) {
      const refused = await feedback(id, label, { ...options, store });
      assert.deepEqual([refused.code, refused.out], [code, ''], refused.problem);
      assert.match(refused.problem, message);
    }
    const missing = await feedback(ID, 'none', { by, store: join(store, '..', 'no.db') });
    assert.equal(missing.code, 1);
    assert.match(missing.problem, /no such store/);
    assert.equal((await feedback(undefined, undefined, { list: true, store })).out, 'Nobody has said anything yet.\n');
  });
});
