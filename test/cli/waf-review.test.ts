/** The review on the sample: real ModSecurity logs with faults that were injected, and the truth about them beside. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { UseError } from '../../cli/use-error.ts';
import { runDecide } from '../../cli/waf/decide.ts';
import { findEngine } from '../../cli/waf/engine-files.ts';
import { runExport } from '../../cli/waf/export.ts';
import { runProve } from '../../cli/waf/prove.ts';
import { runReview } from '../../cli/waf/review.ts';
import { imapwhy } from './run.ts';

const sample = join(import.meta.dirname, '..', '..', 'samples', 'lab-a');
const folder = mkdtempSync(join(tmpdir(), 'imapwhy-waf-'));
const store = join(folder, 'imapwhy.db');
after(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  readonly id: string;
  readonly rule: { readonly id: string };
  readonly path: string;
  readonly target: string;
  readonly probability: number;
  readonly proposed: boolean;
  readonly status: string;
  readonly sessions_lost: number;
  readonly requests_blocked: number;
  readonly wrong_for_everyone: { readonly logins_before: number; readonly logins_after: number } | null;
}

const rows = (): readonly Row[] => {
  const queue: unknown = JSON.parse(runReview(undefined, { store, json: true }, false).out);
  return (queue as { rows: readonly Row[] }).rows;
};

before(async () => {
  const done = await imapwhy(['analyze', join(sample, 'logs'), '--out', folder, '--quiet']);
  assert.equal(done.code, 0, done.stderr);
});

/** Rule and path of every false positive that was injected: `POST /?action=login` by rule 3001 is place `3001 /`. */
function injectedPlaces(): ReadonlySet<string> {
  const text = gunzipSync(readFileSync(join(sample, 'faults.ndjson.gz'))).toString('utf8');
  const faults = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { cause: string; targets: readonly string[]; parameters: { rule?: string } });
  const injected = faults.filter((f) => f.cause === 'security.waf_false_positive');
  return new Set(
    injected.flatMap((f) =>
      f.targets.map((t) => `${f.parameters.rule} ${/^[A-Z]+ (\/[^ ?]*)/.exec(t)?.[1] ?? assert.fail(t)}`),
    ),
  );
}

describe('imapwhy waf review, on the sample', () => {
  test('finds every injected false positive, and accuses no other rule', (t: TestContext) => {
    const injected = injectedPlaces();
    const found = new Set(
      rows()
        .filter((r) => r.proposed)
        .map((r) => `${r.rule.id} ${r.path}`),
    );
    const right = [...found].filter((p) => injected.has(p)).length;
    t.diagnostic(
      `rule x path: recall ${((100 * right) / injected.size).toFixed(1)} % of ${injected.size}, precision ${((100 * right) / found.size).toFixed(1)} % of ${found.size}`,
    );
    assert.ok(injected.size >= 2);
    assert.equal(right, injected.size);
    assert.ok(right / found.size >= 0.95);
  });

  test('names the rule that is wrong for everyone, and the sessions that each cost', () => {
    const login = rows().find((r) => r.rule.id === '3001');
    assert.equal(login?.target, 'QUERY_STRING');
    const around = login?.wrong_for_everyone ?? assert.fail('rule 3001 stops every login of the portal');
    assert.ok(around.logins_before > 20 && around.logins_after === 0, JSON.stringify(around));
    const lost = rows().reduce((n, r) => n + r.sessions_lost, 0);
    assert.ok(lost > 240 && lost < 280, `${lost} of the 258 sessions that the truth names`);
  });

  test('never the sum rule, never what was only logged', () => {
    const ids = rows().map((r) => r.rule.id);
    assert.ok(ids.length > 10);
    assert.ok(!ids.some((id) => id === '949110' || id === '980130' || id === '3002'));
  });

  test('the table and one place fit a terminal of 100 columns', () => {
    const [first] = rows();
    for (const out of [
      runReview(undefined, { store, all: true }, false).out,
      runReview(first?.id.slice(0, 4), { store }, false).out,
    ]) {
      for (const line of out.split('\n')) assert.ok(line.length <= 100, line);
      assert.ok(!out.includes('\u001b'));
    }
  });

  test('the export is a file even when nothing is accepted, names what is not proven, and refuses wrong use', async () => {
    const base = { store, engine: 'modsecurity3', firstId: '97000' };
    const none = await runExport(base);
    assert.equal(none.failed, false);
    assert.match(none.out, /# Nothing is excluded\./);
    const proposed = await runExport({ ...base, proposed: true });
    assert.match(proposed.out, /ctl:ruleRemoveTargetById=3003;ARGS:refresh_token/);
    assert.match(proposed.said.join(), /2 of 2 places are not proven/);
    const file = join(folder, 'exclusions.conf');
    await runExport({ ...base, proposed: true, out: file, firstId: '5' });
    assert.match(readFileSync(file, 'utf8'), /"id:5,phase:1/);
    for (const [options, message] of [
      [{ accepted: true, proposed: true }, /not both/],
      [{ engine: 'apache' }, /--engine apache: one of/],
      [{ firstId: '0' }, /--first-id 0/],
      [{ force: true }, /--force needs --by/],
      [{ out: join(folder, 'no', 'such', 'folder') }, /cannot be written/],
    ] as const)
      await assert.rejects(
        runExport({ ...base, ...options }),
        (error) => error instanceof UseError && message.test(error.message),
      );
  });

  test('the proof says what it needs', async () => {
    process.env.GOPATH = folder; // nothing was fetched there
    delete process.env.GOMODCACHE;
    const base = { store, paranoia: '1', limit: '10', planted: '10', lookAlikes: true, quiet: true };
    for (const [options, message] of [
      [{}, /--attacks DIR is needed[\s\S]*go mod download/],
      [{ attacks: join(folder, 'none') }, /no such folder/],
      [{ attacks: folder }, /no tests are in it/],
      [{ attacks: folder, paranoia: '9' }, /--paranoia 9: a whole number from 1 to 4/],
    ] as const)
      await assert.rejects(
        runProve({ ...base, ...options }),
        (error) => error instanceof UseError && message.test(error.message),
      );
    await assert.rejects(
      findEngine({ nginx: '/no/such/nginx', rules: [], paranoia: 1 }),
      /--nginx \/no\/such\/nginx: there is nothing/,
    );
  });

  test('what a person decides is kept, latest counts, and wrong words say what to do', async () => {
    const [row] = rows();
    const id = row?.id ?? assert.fail();
    const said = await runDecide(id, 'accept', { store, by: 'Ola', note: 'own rule', expires: '2999-01-01' });
    assert.match(said.out, /is a false positive, says Ola, until 2999-01-01/);
    assert.equal(rows()[0]?.status, 'accepted');
    await runDecide(undefined, undefined, { store, list: true });
    await runDecide('unsure', undefined, { store, by: 'Jan', rule: '3001', path: '/', target: 'QUERY_STRING' });
    assert.equal(rows().find((r) => r.rule.id === '3001')?.status, 'unsure');
    for (const [args, options, message] of [
      [[id], { by: 'x' }, /say what it is: one of accept, attack, unsure/],
      [[id, 'perhaps'], { by: 'x' }, /perhaps is no decision/],
      [[id, 'accept'], {}, /--by NAME is needed/],
      [[id, 'accept'], { by: 'x', expires: '2001-01-01' }, /is over already/],
      [[id, 'accept'], { by: 'x', expires: 'soon' }, /--expires soon: not a time/],
      [[id, 'attack'], { by: 'x', expires: '2999-01-01' }, /belong to accept/],
      [['accept'], { by: 'x', rule: '1; DROP', path: '/', target: 'A' }, /a rule is a number/],
      [['accept'], { by: 'x', rule: '1' }, /--rule, --path and --target together/],
      [[], { by: 'x' }, /say which place/],
    ] as const)
      await assert.rejects(
        runDecide(args[0], args[1], { store, ...options }),
        (error) => error instanceof UseError && message.test(error.message),
        String(message),
      );
    const unknown = await runDecide('zzzz', 'accept', { store, by: 'x' });
    assert.match(unknown.problem.join(), /no place of the review has the id zzzz/);
  });
});
