/** What every output must do (outputs/output.ts), run against each of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnomalyFinding } from '../../models/anomaly/finding.ts';
import type { EventDocument, Output, OutputBatch } from '../../outputs/output.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { sampleFinding, sampleIncident, sampleIncidents } from '../incidents.ts';
import { healthySession, idleTimeoutSession, revised, sampleSessions } from '../profiles.ts';

/** What an output holds after it was closed. */
export interface Written {
  readonly profiles: readonly Profile[];
  readonly events: readonly EventDocument['document'][];
  readonly incidents: readonly Incident[];
  /** Left out by an output that does not keep them. */
  readonly findings?: readonly AnomalyFinding[];
}

export interface OutputUnderTest {
  readonly name: string;
  /** An output at an empty place of its own. */
  open(): Promise<{ readonly output: Output; readonly read: () => Promise<Written> }>;
}

export function batchOf(parts: Partial<OutputBatch>): OutputBatch {
  return {
    events: parts.events ?? [],
    profiles: parts.profiles ?? [],
    incidents: parts.incidents ?? [],
    findings: parts.findings ?? [],
  };
}

function sampleBatch(): OutputBatch {
  const sessions = sampleSessions();
  return {
    events: sessions.flatMap((s) => s.events),
    profiles: sessions.map((s) => s.profile),
    incidents: sampleIncidents(),
    findings: [sampleFinding()],
  };
}

export function testOutput(subject: OutputUnderTest): void {
  const written = async (...batches: readonly OutputBatch[]): Promise<Written> => {
    const { output, read } = await subject.open();
    for (const batch of batches) await output.write(batch);
    await output.close();
    return read();
  };

  describe(`${subject.name} keeps the contract of outputs`, () => {
    it('holds nothing when nothing was written', async () => {
      assert.ok(isEmpty(await written()));
      assert.ok(isEmpty(await written(batchOf({}))));
    });

    it('gives back every document as it was, hostile text and all', async () => {
      const batch = sampleBatch();
      const result = await written(batch);
      assert.deepEqual(byId(result.profiles), byId(batch.profiles));
      assert.deepEqual(
        new Set(result.events.map((e) => JSON.stringify(e))),
        new Set(batch.events.map((e) => JSON.stringify(e.document))),
      );
      assert.deepEqual(result.incidents.map(incidentId).sort(), batch.incidents.map(incidentId).sort());
      if (result.findings) assert.deepEqual(result.findings, batch.findings);
    });

    it('changes nothing when the same batch comes twice', async () => {
      assert.deepEqual(await written(sampleBatch(), sampleBatch()), await written(sampleBatch()));
    });

    it('changes nothing when an id comes twice in one batch', async () => {
      const { profile, events } = idleTimeoutSession();
      const result = await written(batchOf({ profiles: [profile, profile], events: [...events, ...events] }));
      assert.equal(result.profiles.length, 1);
      assert.equal(result.events.length, events.length);
    });

    it('replaces a profile only by a higher revision, whatever the order', async () => {
      const { profile } = idleTimeoutSession();
      const other = healthySession().profile;
      const orders = [
        [1, 2, 3],
        [3, 2, 1],
        [2, 3, 1],
        [1, 3, 3],
      ];
      for (const order of orders) {
        const batches = order.map((r) => batchOf({ profiles: [revised(profile, r), other] }));
        const result = await written(...batches);
        assert.equal(result.profiles.length, 2, order.join());
        assert.deepEqual(byId(result.profiles), byId([revised(profile, 3), other]), order.join());
      }
    });

    it('keeps the first of two documents with the same id and revision', async () => {
      const { profile } = idleTimeoutSession();
      const changed = { ...profile, tags: ['other'] };
      const result = await written(batchOf({ profiles: [profile] }), batchOf({ profiles: [changed] }));
      assert.deepEqual(result.profiles, [profile]);
    });

    it('replaces an incident only by a higher revision', async () => {
      const make = (sessions: number, revision: number) =>
        sampleIncident(
          'inc-1',
          'network.packet_loss',
          'network:203.0.113.0/24',
          1_773_700_000_000,
          1000,
          sessions,
          1,
          1,
          'loss-',
          revision,
        );
      const result = await written(
        batchOf({ incidents: [make(3, 1)] }),
        batchOf({ incidents: [make(9, 2)] }),
        batchOf({ incidents: [make(5, 1)] }),
      );
      assert.deepEqual(result.incidents, [make(9, 2)]);
    });

    it('takes ids and users that are names of prototypes', async () => {
      const ids = ['__proto__', 'constructor', 'toString'];
      const result = await written(batchOf({ profiles: ids.map((id) => healthySession(id).profile) }));
      assert.deepEqual(result.profiles.map(profileId).sort(), [...ids].sort());
    });

    it('takes thousands of documents in many batches', async () => {
      const profiles = Array.from({ length: 5000 }, (_, i) => healthySession(`ok-${i}`, i).profile);
      const batches = Array.from({ length: 10 }, (_, b) =>
        batchOf({ profiles: profiles.slice(b * 500, b * 500 + 500) }),
      );
      const again = batchOf({ profiles: [revised(profiles[17] ?? never(), 2), revised(profiles[4999] ?? never(), 2)] });
      const result = await written(...batches, again);
      assert.equal(result.profiles.length, 5000);
      assert.equal(result.profiles.filter((p) => p.imapwhy.revision === 2).length, 2);
    });

    it('can be closed twice and refuses a write afterwards', async () => {
      const { output } = await subject.open();
      await output.close();
      await output.close();
      await assert.rejects(output.write(sampleBatch()));
    });
  });
}

function never(): never {
  throw new Error('no such sample');
}

const profileId = (p: Profile): string => p.imapwhy.session.id;
const incidentId = (i: Incident): string => i.imapwhy.incident.id;

function byId(profiles: readonly Profile[]): readonly Profile[] {
  return [...profiles].sort((a, b) => (profileId(a) < profileId(b) ? -1 : 1));
}

function isEmpty({ profiles, events, incidents, findings = [] }: Written): boolean {
  return profiles.length + events.length + incidents.length + findings.length === 0;
}
