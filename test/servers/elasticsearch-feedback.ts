/** imapwhy feedback where the service writes: a person's answer stays, whatever revision comes later and however often everything is written again. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FeedbackOptions, runFeedback } from '../../cli/feedback.ts';
import { labelledIn } from '../../cli/feedback-elasticsearch.ts';
import { examplesFromFeedback } from '../../models/cause/feedback.ts';
import { likelyDocuments } from '../../models/prediction/likely-document.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { openElasticsearch } from '../../outputs/elasticsearch/elasticsearch.ts';
import { refresh } from '../../outputs/elasticsearch/feedback.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { sampleFinding } from '../incidents.ts';
import { assertMapped } from '../outputs/elasticsearch/setup/mapped.ts';
import { idleTimeoutSession, revised, sampleSessions } from '../profiles.ts';
import { type ElasticsearchServer, startElasticsearch, uniqueNamespace } from './elasticsearch.ts';
import { allDocuments, configFor, installTemplates } from './elasticsearch-setup.ts';

const { profile } = idleTimeoutSession();
const ID = profile.imapwhy.session.id;
const LIKELY = {
  client: 'anna@example.org',
  network: '203.0.113.0/24',
  server: '192.0.2.10',
  tunnel: undefined,
  risk: 0.8,
  tries: 0.5,
  reasons: [{ what: 'its last 3 attempts failed, the last 2 min ago', weight: 1.2 }],
};

describe('feedback in Elasticsearch', () => {
  let server: ElasticsearchServer;
  let request: Request;
  let disconnect: () => Promise<void>;
  const namespace = uniqueNamespace();
  before(async () => {
    server = await startElasticsearch();
    const connection = connect(configFor(server.url));
    request = connection.request;
    disconnect = connection.close;
    await installTemplates(configFor(server.url));
    await write(...sampleSessions().map((s) => s.profile));
    await refresh(request, namespace);
  });
  after(async () => {
    await disconnect?.();
    await server?.stop();
  });

  async function write(...profiles: readonly Profile[]) {
    const output = openElasticsearch(configFor(server.url, { namespace }));
    const likely = likelyDocuments([LIKELY], 0, 420_000, 'trees-00000000');
    const delivery = await output.deliver({ events: [], incidents: [], profiles, findings: [sampleFinding()], likely });
    await output.close();
    return delivery;
  }
  const feedback = (id: string | undefined, label: string | undefined, more: FeedbackOptions = {}) =>
    runFeedback(id, label, { elasticsearch: server.url, namespace, ...more });
  async function shown(): Promise<Profile> {
    const all = await allDocuments(request, `imapwhy-profiles-${namespace}-*`);
    const found = all.filter((d) => d.id === ID);
    assert.equal(found.length, 1);
    return found[0]?.source as unknown as Profile;
  }

  test('a statement wins, the next one wins over it, and neither a revision nor a replay does', async () => {
    for (const { problem } of [
      await feedback(ID, 'client.no_auth', { by: 'Ola', note: 'a test' }),
      await feedback(ID.slice(0, 6), 'security.rate_limit', { by: 'Jan' }),
    ])
      assert.deepEqual(problem, []);
    for (const later of [profile, revised(profile, profile.imapwhy.revision + 1), revised(profile, 9_000_000_999)]) {
      const { written, present } = await write(later);
      assert.deepEqual([written, present], [0, 3], 'the anomaly and who is likely to fail are there already too');
    }
    const { cause, feedback: said } = (await shown()).imapwhy;
    assert.equal(cause.label, 'security.rate_limit');
    assert.equal(cause.probability, 1);
    assert.equal(said?.by, 'Jan');
    assert.equal(said?.model_label, profile.imapwhy.cause.label);
    const listed = await feedback(undefined, undefined, { list: true });
    assert.match(listed.out, /client\.no_auth \(no longer counts\), Ola: a test/);
    assert.match(listed.out, /security\.rate_limit, Jan/);
    const documents = await allDocuments(request, `imapwhy-feedback-${namespace}-*`);
    assert.equal(documents.length, 2);
    assertMapped(
      documents.map(({ source }) => ({
        ...source,
        imapwhy: { ...(source.imapwhy as object), model_cause: undefined },
      })),
      'feedback',
    );
  });

  test('fit reads it', async () => {
    const { statements, labelled, profiles } = await labelledIn({ elasticsearch: server.url, namespace });
    assert.deepEqual([statements, labelled, profiles.length], [2, 1, 1]);
    assert.equal(profiles[0]?.imapwhy.feedback?.label, 'security.rate_limit');
    const { examples, withoutEvidence } = examplesFromFeedback(profiles);
    assert.equal(examples.length + withoutEvidence, 1);
  });

  test('what is taken back leaves the whole answer of the model, remedy and scope too', async () => {
    const undone = await feedback(ID, undefined, { undo: true, by: 'Jan' });
    assert.deepEqual(undone.problem, []);
    const now = await shown();
    assert.deepEqual(now.imapwhy.cause, profile.imapwhy.cause);
    assert.equal(now.imapwhy.feedback, undefined);
    assert.match((await feedback(ID, undefined, { undo: true, by: 'Jan' })).problem.join(), /nothing to take back/);
    assert.match((await feedback(ID, undefined, { list: true })).out, /taken back, Jan/);
  });

  test('says what is not there, and what is wrong', async () => {
    assert.match((await feedback('nobody', 'none', { by: 'Ola' })).problem.join(), /No session has the id nobody/);
    await assert.rejects(feedback(ID, 'none', { by: 'Ola', store: 'x.db' }), /kept in one place/);
    await assert.rejects(feedback(ID, 'bad.label', { by: 'Ola' }), /is no cause/);
  });
});
