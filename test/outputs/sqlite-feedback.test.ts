import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { latestStatements, type Statement, withFeedback } from '../../processors/profile/feedback.ts';
import { batchOf } from '../contract/output.ts';
import { idleTimeoutSession, packetLossSession, revised } from '../profiles.ts';
import { temporaryFolder } from './small-disk.ts';

const idle = idleTimeoutSession();
const lossy = packetLossSession();
const ID = idle.profile.imapwhy.session.id;
const LOSSY = lossy.profile.imapwhy.session.id;

const said = (label: Statement['label'], more: Partial<Statement> = {}): Statement => ({
  session: ID,
  label,
  by: 'Ola',
  at: '2026-03-18T10:00:00.000Z',
  note: null,
  model_label: 'server.idle_timeout',
  model_probability: 0.9,
  ...more,
});

async function filled(t: TestContext): Promise<string> {
  const file = join(temporaryFolder(t), 'imapwhy.db');
  const store = openStore(file);
  await store.write(batchOf({ profiles: [idle.profile, lossy.profile] }));
  await store.close();
  return file;
}

describe('feedback in the store', () => {
  it('wins wherever profiles are read, and the model’s document stays as it was', async (t) => {
    const file = await filled(t);
    const writer = openStore(file);
    writer.recordStatement(said('security.attack', { note: 'seen before' }));
    await writer.close();
    const store = readStore(file);
    t.after(() => store.close());
    const found = store.findProfiles({ cause: 'security.attack' });
    assert.deepEqual(
      found.map((p) => p.imapwhy.session.id),
      [ID],
    );
    assert.deepEqual(store.findProfiles({ cause: 'server.idle_timeout' }), []);
    assert.deepEqual(
      store.findProfiles({ cause: lossy.profile.imapwhy.cause.label }).map((p) => p.imapwhy.session.id),
      [LOSSY],
    );
    const { cause, feedback } = store.profile(ID)?.imapwhy ?? assert.fail();
    const model = idle.profile.imapwhy.cause;
    assert.deepEqual(
      [cause.label, cause.layer, cause.owner, cause.probability],
      ['security.attack', 'security', 'security', 1],
    );
    assert.deepEqual(cause.evidence, model.evidence);
    assert.deepEqual(cause.alternatives, model.alternatives);
    assert.deepEqual([cause.remedy, cause.scope], [null, null]);
    assert.deepEqual(feedback, {
      label: 'security.attack',
      by: 'Ola',
      at: '2026-03-18T10:00:00.000Z',
      note: 'seen before',
      model_label: 'server.idle_timeout',
      model_probability: model.probability,
    });
    const all = new Map([...store.profiles()].map((p) => [p.imapwhy.session.id, p]));
    assert.equal(all.get(ID)?.imapwhy.cause.label, 'security.attack');
    assert.deepEqual(all.get(LOSSY), lossy.profile);
    const raw = new DatabaseSync(file, { readOnly: true });
    t.after(() => raw.close());
    const row = raw.prepare('SELECT document, cause FROM profiles WHERE id = ?').get(ID);
    assert.deepEqual(JSON.parse(String(row?.document)), idle.profile);
    assert.equal(row?.cause, 'server.idle_timeout');
  });

  it('keeps remedy and scope where the person agrees with the model', async (t) => {
    const store = openStore(await filled(t));
    store.recordStatement(said('server.idle_timeout'));
    const { cause } = store.profile(ID)?.imapwhy ?? assert.fail();
    const model = idle.profile.imapwhy.cause;
    assert.deepEqual(cause, { ...model, probability: 1 });
    assert.notEqual(model.remedy, null);
    await store.close();
  });

  it('survives a newer revision, which changes only what the model says', async (t) => {
    const store = openStore(await filled(t));
    store.recordStatement(said('none', { by: 'Jan' }));
    const newer = revised(idle.profile, idle.profile.imapwhy.revision + 1);
    await store.write({
      events: [],
      incidents: [],
      profiles: [
        {
          ...newer,
          imapwhy: { ...newer.imapwhy, cause: { ...newer.imapwhy.cause, label: 'client.no_auth', probability: 0.7 } },
        },
      ],
    });
    const own = store.profile(ID)?.imapwhy ?? assert.fail();
    assert.equal(own.revision, newer.imapwhy.revision);
    assert.deepEqual([own.cause.label, own.cause.layer, own.cause.owner], ['none', null, null]);
    assert.deepEqual([own.feedback?.model_label, own.feedback?.model_probability], ['client.no_auth', 0.7]);
    assert.deepEqual(
      store.findProfiles({ cause: 'none' }).map((p) => p.imapwhy.session.id),
      [ID],
    );
    await store.close();
  });

  it('lets the latest statement count, keeps all, and gives the model back when they are taken back', async (t) => {
    const store = openStore(await filled(t));
    const all = [said('security.attack'), said('network.path_flap', { by: 'Jan' }), said(null)];
    const labels = all.map((s) => {
      store.recordStatement(s);
      return store.profile(ID)?.imapwhy.cause.label;
    });
    assert.deepEqual(labels, ['security.attack', 'network.path_flap', 'server.idle_timeout']);
    assert.deepEqual(store.profile(ID), idle.profile);
    store.recordStatement(said('none', { session: LOSSY }));
    assert.deepEqual(store.statements(ID), all);
    assert.equal(store.statements().length, 4);
    assert.deepEqual(store.statements('nobody'), []);
    await store.close();
  });

  it('says what people said without ending a first load', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const store = openStore(file);
    store.recordStatement(said('security.attack'));
    await store.write(batchOf({ profiles: [idle.profile] }));
    const latest = latestStatements(store.statements());
    assert.equal(withFeedback(idle.profile, latest.get(ID)).imapwhy.cause.label, 'security.attack');
    assert.deepEqual(withFeedback(lossy.profile, latest.get(LOSSY)), lossy.profile);
    const raw = new DatabaseSync(file, { readOnly: true });
    t.after(() => raw.close());
    assert.equal(raw.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'profiles_id'").get()?.n, 0);
    await store.close();
  });

  it('reads a store of version 2, which has no statements, and brings it up when it is written', async (t) => {
    const file = await filled(t);
    const old = new DatabaseSync(file);
    old.exec(`DROP VIEW feedback_now; DROP TABLE feedback; DROP TABLE lines_text; DROP TABLE lines_indexed; DROP TABLE notes; DROP TABLE saved_searches; DROP TABLE audit; DROP TABLE source_hours; DROP TABLE waf_decisions; DROP TABLE waf_proofs; DROP INDEX profiles_search;
      ALTER TABLE profiles DROP COLUMN stalled; PRAGMA user_version = 2`);
    old.close();
    const reader = readStore(file);
    t.after(() => reader.close());
    assert.deepEqual(reader.profile(ID), idle.profile);
    assert.deepEqual(reader.findProfiles({ cause: 'server.idle_timeout' }).length, 1);
    assert.deepEqual(reader.statements(), []);
    const writer = openStore(file);
    writer.recordStatement(said('none'));
    await writer.close();
    // The reader that was open all the time sees it too.
    assert.equal(reader.profile(ID)?.imapwhy.cause.label, 'none');
    assert.equal(reader.statements().length, 1);
  });

  it('searches causes by index, with and without statements', async (t) => {
    const file = await filled(t);
    const db = new DatabaseSync(file, { readOnly: true });
    t.after(() => db.close());
    const plan = db
      .prepare(
        "EXPLAIN QUERY PLAN SELECT id FROM profiles WHERE (cause <> 'none' AND cause = ? AND id NOT IN (SELECT session FROM feedback_now) OR id IN (SELECT session FROM feedback_now WHERE label = ?))",
      )
      .all('security.attack', 'security.attack')
      .map((row) => String(row.detail))
      .join('\n');
    assert.match(plan, /MULTI-INDEX OR[\s\S]*profiles_cause[\s\S]*profiles_id/);
    assert.doesNotMatch(plan, /SCAN profiles/);
  });
});
