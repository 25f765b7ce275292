import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { WafDecision } from '../../../models/waf/decision.ts';
import { buildQueue, type WafRow } from '../../../models/waf/queue.ts';
import { requestsOf } from '../../../models/waf/request.ts';
import { known, MINUTE, NOON, type SampleBlock, SUM_RULE, visit, wafEvent } from './world.ts';

const OPTIONS = { decisions: [], now: NOON };

const queueOf = (
  blocks: readonly SampleBlock[],
  clients = known({}),
  options: Parameters<typeof buildQueue>[2] = OPTIONS,
) => buildQueue(requestsOf(blocks.map(wafEvent)), clients, options);

const TOKEN_RULE = { id: '3003', variable: 'ARGS:refresh_token', value_length: 254, blocking: true };
const INJECTION = { id: '942100', variable: 'ARGS:id', matched: 's&1c', value: "1' OR 1=1-- -" };
const SCANNER = { id: '913100', variable: 'REQUEST_HEADERS:User-Agent', matched: 'sqlmap', value: 'sqlmap/1.5' };

function only(rows: readonly WafRow[], rule: string): WafRow {
  const found = rows.filter((r) => r.rule.id === rule);
  assert.equal(found.length, 1, `rule ${rule}`);
  return found[0] ?? assert.fail();
}

/** Ten users of three networks who log in every five minutes until the rule comes, and are blocked from then on. */
function everybodyBlocked() {
  const users = Array.from({ length: 10 }, (_, i) => ({ name: `user${i}`, client: `198.51.${i % 3}.${i + 1}` }));
  const visits = Object.fromEntries(
    users.map((u) => [u.client, [-20, -15, -10, -5, 120].map((m) => visit(u.name, NOON + m * MINUTE))]),
  );
  const lost = Object.fromEntries(
    users.map((u, i) => [
      `lost${i}`,
      visit(u.name, NOON, { outcome: 'blocked', cause: 'security.waf_false_positive' }),
    ]),
  );
  const blocks = users.flatMap((u, i) =>
    [0, 5, 10, 15, 20].map((m) => ({
      id: `${u.name}-${m}`,
      at: NOON + m * MINUTE,
      client: u.client,
      session: `lost${i}`,
      path: '/oauth2/token',
      rules: [TOKEN_RULE],
      original: `refresh_token=[secret:64-255:AAAAAAAAA${i}]`,
    })),
  );
  return { blocks, clients: known(visits, lost) };
}

describe('the queue', () => {
  test('a rule that stops those who log in: users, networks, lost sessions, and that it is wrong for everyone', () => {
    const { blocks, clients } = everybodyBlocked();
    const row = only(queueOf(blocks, clients).rows, '3003');
    assert.equal(row.requests_blocked, 50);
    assert.equal(row.legitimate_users, 10);
    assert.equal(row.networks, 3);
    assert.equal(row.sessions_lost, 10);
    assert.equal(row.target, 'ARGS:refresh_token');
    assert.ok(row.probability > 0.99, `${row.probability}`);
    assert.ok(row.proposed);
    assert.deepEqual(row.wrong_for_everyone, {
      rule_came: '2026-03-17T12:00:00.000Z',
      span_minutes: 20,
      logins_before: 40,
      logins_after: 0,
      users: 10,
      networks: 3,
    });
  });

  test('attacks of a scanner are no false positives, though a user sits behind the same address', () => {
    const blocks = [
      { id: 'a', rules: [INJECTION, SCANNER, SUM_RULE], path: '/' },
      {
        id: 'b',
        rules: [{ id: '930120', variable: 'ARGS:f', value: '../../etc/passwd' }, SCANNER, SUM_RULE],
        path: '/',
      },
    ];
    const queue = queueOf(blocks, known({ '192.0.2.1': [visit('anna', NOON - MINUTE), visit('anna', NOON + MINUTE)] }));
    for (const row of queue.rows) assert.ok(row.probability < 0.5, `${row.rule.id}: ${row.probability}`);
    assert.equal(queue.rows.length, 3);
  });

  test('a mail that rules of three kinds stop is no probing, three kinds in three places are', () => {
    const clients = known({ '192.0.2.1': [visit('anna', NOON - MINUTE), visit('anna', NOON + MINUTE)] });
    const kinds = ['932100', '941100', '942440'];
    const isProbing = (blocks: readonly SampleBlock[]): boolean =>
      queueOf(blocks, clients).rows.some((r) => r.evidence.some((e) => e.name === 'probing'));
    const mail = {
      id: 'a',
      path: '/mail',
      rules: [...kinds.map((id) => ({ id, variable: 'ARGS:_message', value: 'hello' })), SUM_RULE],
    };
    assert.equal(isProbing([mail, { ...mail, id: 'b' }]), false);
    assert.equal(
      isProbing(
        kinds.map((id, i) => ({ id, path: '/', rules: [{ id, variable: `ARGS:p${i}`, value: 'hello' }, SUM_RULE] })),
      ),
      true,
    );
  });

  test('the sum rule is never a row; what only logged is none beside a rule that denied', () => {
    const notice = { id: '3002', variable: 'REQUEST_HEADERS:User-Agent', severity: 'NOTICE' };
    const queue = queueOf([
      { id: 'a', rules: [INJECTION, { id: '980130', severity: 'NOTICE' }, SUM_RULE] },
      { id: 'b', rules: [notice, TOKEN_RULE] },
      { id: 'c', rules: [SUM_RULE] },
    ]);
    assert.deepEqual(queue.rows.map((r) => r.rule.id).sort(), ['3003', '942100']);
    assert.deepEqual(queue.requests, { judged: 3, blocked: 3, unexplained: 1 });
  });

  test('an error log tells one request in several lines, an audit log the same again: it counts once', () => {
    const base = { request: 'tx1', path: '/' };
    const queue = queueOf([
      { ...base, id: 'e1', dataset: 'modsecurity.error', action: 'detected', rules: [INJECTION] },
      { ...base, id: 'e2', dataset: 'modsecurity.error', rules: [SUM_RULE] },
      { ...base, id: 'a1', rules: [INJECTION, SUM_RULE] },
    ]);
    assert.equal(queue.requests.blocked, 1);
    assert.equal(only(queue.rows, '942100').requests_blocked, 1);
  });

  test('without mail logs nobody is held a stranger', () => {
    const [row] = queueOf([{ id: 'a', rules: [TOKEN_RULE] }]).rows;
    assert.equal(
      row?.evidence.some((e) => e.name === 'never-logged-in'),
      false,
    );
  });

  test('a stranger in a network from which others log in is less of a stranger', () => {
    const clients = known({ '192.0.2.9': [visit('anna', NOON)] });
    const of = (client: string) =>
      queueOf([{ id: 'a', client, rules: [TOKEN_RULE] }], clients).rows[0]?.probability ?? 0;
    assert.ok(of('192.0.2.1') > of('203.0.113.1'));
  });

  test('a token that passed elsewhere speaks for a mistake', () => {
    const secret = '[secret:64-255:ABCDEFGHIJ]';
    const { rows } = queueOf([
      { id: 'a', rules: [TOKEN_RULE], original: `refresh_token=${secret}` },
      {
        id: 'b',
        at: NOON + MINUTE,
        action: 'detected',
        rules: [{ id: '3002', variable: 'X' }],
        original: `refresh_token=${secret}`,
      },
    ]);
    assert.equal(only(rows, '3003').evidence.find((e) => e.name === 'token-accepted')?.value, 1);
  });

  test('a decision shows with its place, and is open again when it has expired', () => {
    const decision: WafDecision = {
      rule: '3003',
      path: '/login',
      target: 'ARGS:refresh_token',
      decision: 'accept',
      scope: 'target',
      by: 'Ola',
      at: '2026-03-17T12:00:00.000Z',
      note: null,
      expires: '2026-03-18T12:00:00.000Z',
      model_probability: 0.9,
      requests_blocked: 1,
    };
    const status = (now: number, decisions: readonly WafDecision[]) =>
      queueOf([{ id: 'a', rules: [TOKEN_RULE] }], known({}), { decisions, now }).rows[0]?.status;
    assert.equal(status(NOON, []), 'open');
    assert.equal(status(NOON, [decision]), 'accepted');
    assert.equal(status(NOON + 2 * 1440 * MINUTE, [decision]), 'expired');
    assert.equal(status(NOON, [decision, { ...decision, decision: 'attack', expires: null }]), 'attack');
  });

  test('the evidence of every row adds up to its probability', () => {
    const { blocks, clients } = everybodyBlocked();
    for (const row of queueOf([...blocks, { id: 'x', rules: [INJECTION, SUM_RULE] }], clients).rows) {
      const sum = row.evidence.reduce((n, e) => n + e.value * e.weight, 0);
      assert.ok(Math.abs(sum - row.log_odds) < 1e-3 * row.evidence.length);
      assert.ok(Math.abs(1 / (1 + Math.exp(-row.log_odds)) - row.probability) < 1e-4);
    }
  });

  test('names of the prototype are names like others, and any document gives a queue', () => {
    const hostile = ['__proto__', 'constructor', 'toString'];
    const { rows } = queueOf(
      hostile.map((name) => ({
        id: name,
        client: name,
        user: name,
        path: `/${name}`,
        rules: [{ id: name, variable: name, blocking: true }],
      })),
    );
    assert.equal(rows.length, 3);
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            id: fc.string(),
            session: fc.constant(undefined),
            document: fc.dictionary(fc.string(), fc.anything()),
          }),
        ),
        (documents) => {
          buildQueue(requestsOf(documents), known({}), OPTIONS);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('its order and its numbers do not depend on the order of events of one moment', () => {
    const { blocks, clients } = everybodyBlocked();
    const rows = (list: readonly SampleBlock[]) =>
      queueOf(list, clients).rows.map(({ examples: _examples, ...row }) => row);
    assert.deepEqual(rows([...blocks].reverse()), rows(blocks));
  });
});
