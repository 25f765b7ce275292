/** Own weights from the first label to the next analysis, on a corpus of three sessions. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SHIPPED_MODEL } from '../../models/cause/shipped-model.ts';
import { parseWeights } from '../../models/cause/weights-file.ts';
import { idleSession, sessionId } from './lines.ts';
import { at, imapwhy, workplace } from './run.ts';

const START = Date.UTC(2026, 10, 24, 3, 24, 25);
const PORTS = [40_000, 40_001, 40_002];

test('fit causes --with-feedback, then analyze --weights', async (t) => {
  const place = workplace(t);
  const logs = join(place.path, 'corpus', 'logs');
  mkdirSync(logs, { recursive: true });
  const log = PORTS.map((port, i) => idleSession({ at: START + i * 60_000, port })).join('');
  writeFileSync(join(logs, 'mail.log'), log);
  const truth = PORTS.map((port, i) => ({
    session: i,
    start: new Date(START + i * 60_000).toISOString(),
    cause: 'server.idle_timeout',
    dovecot_session: sessionId(START + i * 60_000, port, '192.0.2.77'),
    outcome: 'timeout',
    trace: 'dovecot',
  }));
  writeFileSync(join(place.path, 'corpus', 'truth.ndjson'), truth.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const analysed = await place.analyze([logs, '--year', '2026']);
  assert.equal(analysed.code, 0, analysed.stderr);
  const [before] = place.documents('profiles');
  const id = String(at(before, 'imapwhy.session.id'));
  const store = join(place.out, 'imapwhy.db');
  const weights = join(place.path, 'weights.json');
  const fit = (...more: readonly string[]) =>
    imapwhy(['fit', 'causes', '--corpus', join(place.path, 'corpus'), '--out', weights, ...more]);

  const without = await fit('--with-feedback', '--store', store);
  assert.equal(without.code, 0, without.stderr);
  assert.match(without.stdout, /has no labelled session to learn from; the lab corpus alone was used/);
  assert.equal((await imapwhy(['feedback', id, 'network.client_vanished', '--by', 'Ola', '--store', store])).code, 0);
  const fitted = await fit('--with-feedback', '--store', store);
  assert.equal(fitted.code, 0, fitted.stderr);
  assert.match(
    fitted.stdout,
    /1 labelled session of .*; the fitted weights agree with [01] of them, the shipped ones with [01]/,
  );
  const read = parseWeights(readFileSync(weights, 'utf8'));
  assert.ok(read.kind === 'model');
  assert.equal(read.model.epoch, SHIPPED_MODEL.epoch + 1);

  const again = await place.analyze([logs, '--year', '2026', '--weights', weights]);
  assert.equal(again.code, 0, again.stderr);
  for (const p of place.documents('profiles'))
    assert.equal(Math.floor(Number(at(p, 'imapwhy.revision')) / 1e9), read.model.epoch);
  assert.match((await imapwhy(['explain', id, '--store', store])).stdout, /revision 2\d{9}/); // the store took the newer one

  writeFileSync(weights, '{"epoch": 2}');
  for (const [args, message] of [
    [
      ['analyze', logs, '--out', place.out, '--weights', weights],
      /--weights .*has no weights for base\. Make it with: imapwhy fit/,
    ],
    [
      ['analyze', logs, '--out', place.out, '--weights', join(place.path, 'no.json')],
      /--weights .*no\.json: cannot be read/,
    ],
    [['fit', 'causes', '--out', weights, '--store', store], /add --with-feedback/],
    [['evaluate', 'causes', '--card', join(place.path, 'card.md')], /--card needs --folds/],
  ] as const) {
    const refused = await imapwhy(args);
    assert.deepEqual([refused.code, refused.stdout], [2, ''], refused.stderr);
    assert.match(refused.stderr, message);
  }
});
