import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Command } from 'commander';
import { type ExplainOptions, registerExplain, runExplain } from '../../cli/explain.ts';
import { parseMoment } from '../../cli/moment.ts';
import { openStore } from '../../outputs/sqlite.ts';
import { hostileSession, idleTimeoutSession, sampleSessions } from '../profiles.ts';
import { type SampleSpec, sampleSession } from '../sample-session.ts';

const dir = mkdtempSync(join(tmpdir(), 'imapwhy-explain-'));
const store = join(dir, 'imapwhy.db');

/** Bob's sessions, minutes after 2026-03-16 00:00 in Warsaw (UTC+1). */
function bob(id: string, minutes: number, more: Partial<SampleSpec> = {}) {
  return sampleSession({
    id,
    startMs: Date.UTC(2026, 2, 15, 23) + minutes * 60_000,
    durationMs: 20_000,
    user: 'bob@example.org',
    clientIp: '192.0.2.77',
    outcome: 'timeout',
    reason: null,
    stalledIn: null,
    phases: [],
    lines: [],
    label: 'none',
    evidence: [],
    ...more,
  });
}

before(async () => {
  const sessions = [
    ...sampleSessions(),
    bob('bob-mon-0900', 540),
    bob('bob-mon-0915', 555),
    bob('bob-mon-2355', 1435, { durationMs: 600_000 }),
    bob('bob-tue-0905', 1440 + 545, { outcome: 'ok' }),
    bob('bob-tue-2000', 1440 + 1200, { outcome: 'ok' }),
    bob('bob-all-day', 1440 + 420, { outcome: 'ok', durationMs: 14 * 3_600_000 }),
  ];
  const output = openStore(store);
  await output.write({
    profiles: sessions.map((s) => s.profile),
    events: sessions.flatMap((s) => s.events),
    incidents: [],
  });
  output.recordRun({ startedAt: '2026-03-18T00:00:00.000Z', inputs: ['mail.log'], zone: 'Europe/Warsaw', engine: '0' });
  await output.close();
});
after(() => rmSync(dir, { recursive: true, force: true }));

function run(id: string | undefined, options: ExplainOptions = {}, terminal = { width: 100, colour: false }) {
  let out = '';
  let err = '';
  const code = runExplain(
    id,
    { store, ...options },
    { ...terminal, out: (text) => (out += text), err: (text) => (err += text) },
  );
  return { code, out, err };
}

/** The id in the last line of the headline. */
function explained(options: ExplainOptions): string | undefined {
  return /^session (\S+), revision/m.exec(run(undefined, options).out)?.[1];
}

describe('imapwhy explain', () => {
  it('explains a session by its id, by the first characters of it, and by Dovecot’s id', () => {
    for (const id of ['idle-7f21c0', 'idle-', 'q1Ab2fMqurHLAHEY', '<q1Ab2fMqurHLAHEY>']) {
      const { code, out, err } = run(id);
      assert.equal(code, 0);
      assert.equal(err, '');
      assert.match(out, /^anna@example\.org timed out: A timer closed quiet connections\n/);
      assert.match(out, /haproxy\[911\]/);
    }
  });

  it('finds the session of a user at a time of the day, in the zone of the last analysis', () => {
    assert.equal(explained({ user: 'anna', at: '09:13' }), 'idle-7f21c0');
    assert.equal(explained({ user: 'ANNA@example.org', at: '9:13:20' }), 'idle-7f21c0');
    assert.equal(explained({ user: 'anna', at: '08:13', tz: 'UTC' }), 'idle-7f21c0');
    assert.equal(explained({ user: 'anna', at: '13:43', tz: '+05:30' }), 'idle-7f21c0');
    assert.equal(explained({ user: 'olga', at: '12:41' }), 'vpn-20be77');
  });

  it('takes a full time', () => {
    for (const at of [
      '2026-03-17 09:13',
      '2026-03-17T08:13Z',
      '2026-03-17T08:13:30.250Z',
      '2026-03-17T10:13:00+02:00',
    ]) {
      assert.equal(explained({ user: 'anna', at }), 'idle-7f21c0', at);
    }
    assert.equal(explained({ user: 'bob', at: '2026-03-16 09:14' }), 'bob-mon-0915');
  });

  it('takes the latest day that has such a session', () => {
    assert.equal(explained({ user: 'bob', at: '09:01' }), 'bob-tue-0905');
    assert.equal(explained({ user: 'bob', at: '23:56' }), 'bob-mon-2355');
    assert.equal(explained({ user: 'bob', at: '00:10' }), 'bob-mon-2355');
  });

  it('takes what went wrong last when no time is given', () => {
    assert.equal(explained({ user: 'bob' }), 'bob-mon-2355');
  });

  it('explains the nearest of several and lists the others with their ids', () => {
    const { code, out } = run(undefined, { user: 'bob', at: '2026-03-16 09:02' });
    assert.equal(code, 0);
    assert.match(out, /^session bob-mon-0900,/m);
    assert.match(
      out,
      /Other sessions that match\n {2}bob-mon-0915 {2}2026-03-16 09:15:00 {2}bob@example\.org {2}timed out\n/,
    );
  });

  it('says what is nearest when nothing is found, and fails', () => {
    const cases: readonly (readonly [string | undefined, ExplainOptions, RegExp])[] = [
      [
        undefined,
        { user: 'anna', at: '19:13' },
        /No session of anna within 30 minutes.*\nThe nearest is idle-7f21c0, from 2026-03-17 09:12:41/,
      ],
      [undefined, { user: 'anna', at: '2025-01-01 09:13' }, /The nearest is idle-7f21c0/],
      [
        undefined,
        { user: 'hans', at: '09:13' },
        /No session of hans is in the store\.\nThe nearest of another user is/,
      ],
      [undefined, { user: 'hans' }, /Users near it: /],
      ['idle-9', {}, /No session has the id idle-9\.\nNearest ids: idle-7f21c0/],
      ['zzz', {}, /No session has the id zzz\.\nNobody knows ids/],
      ['bob-', {}, /Several sessions have an id that begins with bob-:\n {2}bob-all-day\n/],
    ];
    for (const [id, options, message] of cases) {
      const { code, out, err } = run(id, options);
      assert.equal(code, 1, err);
      assert.equal(out, '');
      assert.match(err, message);
    }
  });

  it('names wrong use and ends with 2', () => {
    const cases: readonly (readonly [string | undefined, ExplainOptions, RegExp])[] = [
      [undefined, {}, /say which session/],
      [undefined, { at: '09:13' }, /--at needs --user/],
      ['x', { user: 'anna' }, /not both/],
      ['x', { at: '09:13' }, /not both/],
      ['', {}, /empty/],
      [undefined, { user: '', at: '09:13' }, /empty/],
      ['x', { tz: 'Mars/Olympus' }, /--tz Mars\/Olympus: unknown zone/],
      [undefined, { user: 'anna', at: '25:00' }, /--at 25:00: not a time/],
      [undefined, { user: 'anna', at: 'noon\x1b[31m' }, /--at noon\\x1b\[31m: not a time/],
      [undefined, { user: 'anna', at: '2026-02-30 09:13' }, /not a time/],
    ];
    for (const [id, options, message] of cases) {
      const { code, out, err } = run(id, options);
      assert.equal(code, 2, err);
      assert.equal(out, '');
      assert.match(err, message);
    }
  });

  it('says so when there is no store, or it is none', () => {
    const missing = run('x', { store: join(dir, 'none.db') });
    assert.equal(missing.code, 1);
    assert.match(missing.err, /none\.db: no such store\. Run `imapwhy analyze` first/);
    const text = join(dir, 'mail.log');
    writeFileSync(text, 'Mar 17 09:12:41 mx1 dovecot: x\n'.repeat(200));
    const foreign = run('x', { store: text });
    assert.equal(foreign.code, 1);
    assert.match(foreign.err, /is not a store of imapwhy/);
  });

  it('prints one JSON document with everything', () => {
    const { code, out } = run(undefined, { user: 'bob', at: '2026-03-16 09:02', json: true });
    assert.equal(code, 0);
    const document = JSON.parse(out);
    assert.equal(document.id, 'bob-mon-0900');
    assert.equal(document.others[0].id, 'bob-mon-0915');
    const idle = JSON.parse(run('idle-7f21c0', { json: true }).out);
    assert.equal(idle.timeline.length, 4);
    assert.equal(idle.decision.recomputed.toFixed(3), '0.936');
    assert.equal(idle.remedy.setting, 'timeout client');
    assert.deepEqual(idle.others, []);
  });

  it('shows hostile text as escapes, in JSON too, where it is still the same text', () => {
    const { out } = run('evil-0bad00');
    assert.doesNotMatch(out, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
    assert.match(out, /\\x1b\[31m<script>/);
    const json = run('evil-0bad00', { json: true }).out;
    assert.doesNotMatch(json, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
    assert.equal(JSON.parse(json).headline.user, hostileSession().profile.user.name);
  });

  it('uses colour only when told, and keeps to the width', () => {
    assert.doesNotMatch(run('idle-7f21c0').out, /\x1b/);
    const coloured = run('idle-7f21c0', {}, { width: 60, colour: true }).out;
    assert.match(coloured, /^\x1b\[1manna@example\.org/);
    for (const line of coloured.replaceAll(/\x1b\[[\d;]*m/g, '').split('\n')) assert.ok(line.length <= 60, line);
  });

  it('is a command of the program', async () => {
    const program = new Command().exitOverride();
    registerExplain(program);
    const command = program.commands.find((c) => c.name() === 'explain');
    assert.ok(command);
    assert.match(command.helpInformation(), /--user <name>/);
    const before = process.exitCode;
    const { write } = process.stdout;
    let out = '';
    process.stdout.write = (text: string | Uint8Array) => {
      out += String(text);
      return true;
    };
    try {
      await program.parseAsync(['explain', 'idle-7f21c0', '--store', store], { from: 'user' });
    } finally {
      process.stdout.write = write;
    }
    assert.equal(process.exitCode, 0);
    process.exitCode = before;
    assert.match(out, new RegExp(idleTimeoutSession().profile.imapwhy.session.id));
  });
});

describe('parseMoment', () => {
  const cases: readonly (readonly [string, string | undefined, number])[] = [
    ['2026-03-17 09:13', '2026-03-17T08:13:00.000Z', 59_999],
    ['2026-07-17 09:13', '2026-07-17T07:13:00.000Z', 59_999], // summer time
    ['2026-03-17T09:13:20', '2026-03-17T08:13:20.000Z', 999],
    ['2026-03-17T09:13:20.5Z', '2026-03-17T09:13:20.500Z', 0],
    ['2026-03-17T09:13:20,5+0200', '2026-03-17T07:13:20.500Z', 0],
    ['2026-13-17 09:13', undefined, 0],
    ['17.03.2026 09:13', undefined, 0],
    ['', undefined, 0],
    ['9', undefined, 0],
  ];
  for (const [text, iso, spanMs] of cases) {
    it(`${text === '' ? 'nothing' : text} is ${iso ?? 'no time'}`, () => {
      const moment = parseMoment(text, 'Europe/Warsaw');
      if (iso === undefined) return assert.equal(moment, undefined);
      return assert.deepEqual(moment, { kind: 'instant', at: Date.parse(iso), spanMs });
    });
  }
});
