import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { WafDecision } from '../../models/waf/decision.ts';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { batchOf } from '../contract/output.ts';
import { wafEvent } from '../models/waf/world.ts';
import { idleTimeoutSession, sampleSessions } from '../profiles.ts';
import { temporaryFolder } from './small-disk.ts';

const decision: WafDecision = {
  rule: '942100',
  path: '/x',
  target: 'ARGS:q',
  decision: 'accept',
  scope: 'target',
  by: "Ola'); DROP TABLE waf_decisions; --",
  at: '2026-03-18T10:00:00.000Z',
  note: null,
  expires: null,
  model_probability: 0.97,
  requests_blocked: 12,
};

describe('the WAF desk in the store', () => {
  it('gives events of WAFs in the order of time, with the session that they belong to', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const store = openStore(file);
    const late = wafEvent({ id: 'late', at: Date.UTC(2026, 2, 17, 13), rules: [] });
    const early = wafEvent({ id: 'early', session: 's1', rules: [] });
    const other = {
      id: 'other',
      session: undefined,
      document: { '@timestamp': '2026-03-17T12:30:00Z', event: { dataset: 'nginx.access' } },
    };
    await store.write(batchOf({ events: [late, other, early, { ...early, session: undefined }] }));
    assert.deepEqual(
      [...store.waf.events()].map((e) => [e.id, e.session]),
      [
        ['early', 's1'],
        ['late', undefined],
      ],
    );
    assert.deepEqual(
      [...store.waf.events({ since: Date.UTC(2026, 2, 17, 12, 30) })].map((e) => e.id),
      ['late'],
    );
    await store.close();
  });

  it('knows who came from an address, by what people said', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const store = openStore(file);
    assert.equal(store.waf.anyLogin(), false);
    await store.write(batchOf({ profiles: sampleSessions().map((s) => s.profile) }));
    const { profile } = idleTimeoutSession();
    const id = profile.imapwhy.session.id;
    store.recordStatement({
      session: id,
      label: 'security.attack',
      by: 'Ola',
      at: '2026-03-18T10:00:00.000Z',
      note: null,
      model_label: 'server.idle_timeout',
      model_probability: 0.9,
    });
    assert.equal(store.waf.visit(id)?.cause, 'security.attack');
    const visits = store.waf.visitsOf(profile.client.ip ?? '');
    assert.ok(
      visits.some(
        (v) => v.session === id && v.user === profile.user.name && v.start === Date.parse(profile.event.start),
      ),
    );
    assert.deepEqual(
      visits.map((v) => v.start),
      visits.map((v) => v.start).sort((a, b) => a - b),
    );
    assert.equal(store.waf.visit('nobody'), undefined);
    assert.deepEqual(store.waf.visitsOf("' OR 1=1 --"), []);
    const login = sampleSessions()
      .map((x) => x.profile)
      .find((p) => p.imapwhy.outcome === 'ok' && p.user.name !== null);
    const [a, b, c] = (login?.client.ip ?? '').split('.');
    assert.equal(store.waf.anyLoginFrom(`${a}.${b}.${c}.0/24`), true);
    assert.equal(store.waf.anyLoginFrom('233.252.0.0/24'), false);
    assert.equal(store.waf.anyLoginFrom("' OR 1=1 --"), false);
    await store.close();
  });

  it('keeps every decision in order, whatever its words', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const store = openStore(file);
    store.waf.decide(decision);
    store.waf.decide({ ...decision, decision: 'attack' });
    await store.close();
    const reader = readStore(file);
    assert.deepEqual(
      reader.waf.decisions().map((d) => [d.decision, d.by]),
      [
        ['accept', decision.by],
        ['attack', decision.by],
      ],
    );
    assert.equal(reader.waf.latestProof(), undefined);
    reader.close();
  });

  it('reads a store of version 6, which has no decisions', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    await openStore(file).close();
    const old = new DatabaseSync(file);
    old.exec('DROP TABLE waf_decisions; DROP TABLE waf_proofs; DROP INDEX events_waf; PRAGMA user_version = 6');
    old.close();
    const reader = readStore(file);
    assert.deepEqual(reader.waf.decisions(), []);
    assert.equal(reader.waf.latestProof(), undefined);
    assert.deepEqual([...reader.waf.events()], []);
    reader.close();
    const store = openStore(file);
    store.waf.decide(decision);
    assert.equal(store.waf.decisions().length, 1);
    await store.close();
  });
});
