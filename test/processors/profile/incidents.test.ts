import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Incident } from '../../../processors/profile/incident.ts';
import { Incidents } from '../../../processors/profile/incidents.ts';
import type { CauseLabel, Profile } from '../../../processors/profile/profile.ts';
import { networkOf } from '../../../processors/resolve/network.ts';
import { packetLossSession } from '../../profiles.ts';

const ONSET = Date.UTC(2026, 10, 24, 4);
const EPOCH = 3;
const ALL = Number.POSITIVE_INFINITY;

interface Told {
  readonly id: string;
  readonly from: number; // minutes after ONSET
  readonly to: number;
  readonly label?: CauseLabel;
  readonly scope?: string | null;
  readonly probability?: number;
  readonly user?: string;
  readonly ip?: string;
}

function profile(told: Told): Profile {
  const base = packetLossSession().profile;
  const iso = (minutes: number) => new Date(ONSET + minutes * 60_000).toISOString();
  return {
    ...base,
    event: { ...base.event, start: iso(told.from), end: iso(told.to) },
    user: { name: told.user ?? `${told.id}@example.org` },
    client: { ip: told.ip ?? '198.51.100.7' },
    imapwhy: {
      ...base.imapwhy,
      session: { id: told.id, dovecot_id: null },
      cause: {
        ...base.imapwhy.cause,
        label: told.label ?? 'network.packet_loss',
        scope: told.scope === undefined ? 'network:198.51.100.0/24' : told.scope,
        probability: told.probability ?? 0.9,
      },
    },
  };
}

function gather(all: readonly Told[]): readonly Incident[] {
  const incidents = new Incidents();
  for (const told of all) incidents.add(profile(told), networkOf);
  return incidents.take(ALL, EPOCH);
}

const sessionsOf = (all: readonly Incident[]): readonly number[] => all.map((i) => i.imapwhy.incident.sessions);

describe('an incident', () => {
  test('is made of sessions that overlap: from the first onset to the last end', () => {
    const [incident, ...others] = gather([
      { id: 'a', from: 0, to: 4, probability: 0.8 },
      { id: 'b', from: 2, to: 6, probability: 1, ip: '198.51.100.8' },
      { id: 'c', from: 5, to: 9, probability: 0.9, user: 'a@example.org', ip: '203.0.113.9' },
    ]);
    assert.deepEqual(others, []);
    assert.ok(incident);
    assert.equal(incident['@timestamp'], '2026-11-24T04:00:00.000Z');
    assert.equal(incident.event.end, '2026-11-24T04:09:00.000Z');
    assert.equal(incident.event.duration, 540e9);
    const { id, ...said } = incident.imapwhy.incident;
    assert.match(id, /^[\w-]{20}$/);
    assert.deepEqual(said, {
      cause: 'network.packet_loss',
      layer: 'network',
      owner: 'network',
      scope: 'network:198.51.100.0/24',
      sessions: 3,
      users: 2,
      networks: 2,
      example_sessions: ['b', 'c', 'a'],
      probability: 0.9,
    });
    assert.equal(incident.imapwhy.revision, EPOCH * 1e9 + 3);
  });

  test('goes on over ten quiet minutes and not over more', () => {
    assert.deepEqual(
      sessionsOf(
        gather([
          { id: 'a', from: 0, to: 1 },
          { id: 'b', from: 11, to: 12 },
        ]),
      ),
      [2],
    );
    assert.deepEqual(
      sessionsOf(
        gather([
          { id: 'a', from: 0, to: 1 },
          { id: 'b', from: 11.1, to: 12 },
        ]),
      ),
      [1, 1],
    );
  });

  test('has one cause and one scope', () => {
    const told: readonly Told[] = [
      { id: 'a', from: 0, to: 1 },
      { id: 'b', from: 0, to: 1, scope: 'network:203.0.113.0/24' },
      { id: 'c', from: 0, to: 1, label: 'network.path_flap' },
      { id: 'd', from: 0, to: 1 },
    ];
    assert.deepEqual([...sessionsOf(gather(told))].sort(), [1, 1, 2]);
  });

  test('is not made of healthy sessions nor of those without a scope', () => {
    assert.deepEqual(
      gather([
        { id: 'a', from: 0, to: 1, label: 'none' },
        { id: 'b', from: 0, to: 1, scope: null },
      ]),
      [],
    );
  });

  test('a session that had been well for hours counts by its end', () => {
    const [incident] = gather([{ id: 'a', from: -300, to: 1 }]);
    assert.equal(incident?.event.start, '2026-11-24T03:51:00.000Z');
  });

  test('names five sessions at most, the most probable first', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      id: `s${String(i).padStart(4, '0')}`,
      from: 0,
      to: 1,
      probability: ((i * 7) % 1000) / 1000,
    }));
    const [incident] = gather(many);
    assert.equal(incident?.imapwhy.incident.sessions, 1000);
    assert.deepEqual(incident?.imapwhy.incident.example_sessions, ['s0857', 's0714', 's0571', 's0428', 's0285']);
  });

  test('does not count a revision of a session twice', () => {
    assert.deepEqual(
      sessionsOf(
        gather([
          { id: 'a', from: 0, to: 1 },
          { id: 'a', from: 0, to: 1, probability: 0.95 },
        ]),
      ),
      [1],
    );
  });
});

describe('in time', () => {
  const minutes = (n: number) => ONSET + n * 60_000;

  test('it is given out when ordinary sessions can no longer join it, once', () => {
    const incidents = new Incidents();
    incidents.add(profile({ id: 'a', from: 0, to: 1 }), networkOf);
    assert.deepEqual(incidents.take(minutes(21), EPOCH), []);
    assert.deepEqual(sessionsOf(incidents.take(minutes(21.1), EPOCH)), [1]);
    assert.deepEqual(incidents.take(minutes(22), EPOCH), []);
    assert.deepEqual(incidents.take(ALL, EPOCH), []);
  });

  test('a session that was judged two hours late joins it: the same incident, a higher revision', () => {
    const incidents = new Incidents();
    incidents.add(profile({ id: 'a', from: 0, to: 1 }), networkOf);
    const [first] = incidents.take(minutes(30), EPOCH);
    incidents.add(profile({ id: 'b', from: -1, to: 1 }), networkOf);
    const [second, ...others] = incidents.take(minutes(125), EPOCH);
    assert.ok(first && second);
    assert.deepEqual(others, []);
    assert.equal(second.imapwhy.incident.id, first.imapwhy.incident.id);
    assert.equal(second.imapwhy.incident.sessions, 2);
    assert.ok(second.imapwhy.revision > first.imapwhy.revision);
  });

  test('its state can be written down and taken up', () => {
    const one = new Incidents();
    one.add(profile({ id: 'a', from: 0, to: 1 }), networkOf);
    one.take(minutes(30), EPOCH);
    one.add(profile({ id: 'b', from: 40, to: 41 }), networkOf);
    const other = Incidents.fromData(JSON.parse(JSON.stringify(one.toData())));
    for (const incidents of [one, other]) incidents.add(profile({ id: 'c', from: 1, to: 2 }), networkOf);
    assert.deepEqual(other.take(ALL, EPOCH), one.take(ALL, EPOCH));
  });
});

test('incidents do not depend on the order of the sessions', () => {
  const told = fc.record({
    from: fc.integer({ min: 0, max: 240 }),
    length: fc.integer({ min: 0, max: 30 }),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
    scope: fc.constantFrom('network:198.51.100.0/24', 'server:mx1'),
    host: fc.integer({ min: 1, max: 9 }),
  });
  const orders = fc
    .array(told, { maxLength: 80 })
    .map((list): readonly Told[] =>
      list.map((t, i) => ({ ...t, id: `s${i}`, to: t.from + t.length, ip: `198.51.${t.host}.1` })),
    )
    .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length })));
  fc.assert(
    fc.property(orders, ([list, other]) => {
      assert.deepEqual(gather(other), gather(list));
    }),
    { numRuns: 200 },
  );
});
