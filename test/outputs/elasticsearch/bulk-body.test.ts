import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BodyBuilder, bodyOf, byteLengthOf } from '../../../outputs/elasticsearch/bulk-body.ts';
import { type BulkDocument, documentsOf } from '../../../outputs/elasticsearch/bulk-document.ts';
import { sampleIncident } from '../../incidents.ts';
import { idleTimeoutSession } from '../../profiles.ts';

const documentOf = (id: string, document: object, version?: number): BulkDocument => ({
  kind: 'event',
  target: 'logs-imapwhy.dovecot-default',
  id,
  at: '',
  version,
  document,
  origin: undefined,
});

describe('the body of a bulk request', () => {
  it('has two lines for each document, whatever is in it', () => {
    const anyDocument = fc.record({
      id: fc.string({ unit: 'binary', minLength: 1 }),
      text: fc.string({ unit: 'binary' }),
    });
    fc.assert(
      fc.property(fc.array(anyDocument, { minLength: 1, maxLength: 20 }), (all) => {
        const builder = new BodyBuilder<number>(Buffer.alloc(1 << 20));
        for (const [i, { id, text }] of all.entries()) assert.ok(builder.add(documentOf(id, { text }), i));
        const lines = builder.finish().bytes.toString('utf8').split('\n');
        assert.equal(lines.pop(), '');
        assert.equal(lines.length, 2 * all.length);
        for (const [i, { id, text }] of all.entries()) {
          const action = JSON.parse(lines[2 * i] ?? '');
          assert.deepEqual(Object.keys(action), ['create']);
          assert.equal(action.create._id.toWellFormed(), id.toWellFormed());
          assert.equal(JSON.parse(lines[2 * i + 1] ?? '').text.toWellFormed(), text.toWellFormed());
        }
      }),
    );
  });

  it('lets no text of a log become an action', () => {
    const builder = new BodyBuilder<number>(Buffer.alloc(4096));
    builder.add(
      documentOf('a"}}\n{"delete":{"_id":"x"}}\n', { original: 'x"}\n{"delete":{"_index":"i","_id":"1"}}\n\u2028\r' }),
      0,
    );
    assert.equal(builder.finish().bytes.toString().split('\n').length, 3);
  });

  it('takes what fits to the byte, and nothing after that', () => {
    const document = documentOf('ä', { text: 'żółć €' });
    const bytes = byteLengthOf(document);
    const exact = new BodyBuilder<number>(Buffer.alloc(2 * bytes));
    assert.deepEqual([exact.add(document, 0), exact.add(document, 1), exact.add(document, 2)], [true, true, false]);
    assert.equal(exact.finish().bytes.length, 2 * bytes);
    assert.equal(new BodyBuilder<number>(Buffer.alloc(bytes - 1)).add(document, 0), false);
  });

  it('can be made again of some of its items, byte for byte', () => {
    const builder = new BodyBuilder<number>(Buffer.alloc(4096));
    for (let i = 0; i < 4; i++) builder.add(documentOf(`id-${i}`, { i, text: 'ü'.repeat(i) }), i);
    const whole = builder.finish();
    const lines = whole.bytes.toString().split('\n');
    const part = bodyOf(
      whole,
      [whole.items[1], whole.items[3]].filter((item) => item !== undefined),
      3,
    );
    assert.equal(part.bytes.toString(), [lines[2], lines[3], lines[6], lines[7], ''].join('\n'));
    assert.deepEqual(
      part.items.map((i) => part.bytes.subarray(i.start, i.end).toString()),
      [`${lines[2]}\n${lines[3]}\n`, `${lines[6]}\n${lines[7]}\n`],
    );
    assert.equal(bodyOf(whole, whole.items, 1).bytes, whole.bytes, 'the same bytes when nothing is left out');
  });
});

describe('where documents go', () => {
  const { profile, events } = idleTimeoutSession();
  const batch = { events, profiles: [profile], incidents: [] };

  it('events: a data stream of their family, created once', () => {
    const [event] = documentsOf(batch, 'prod');
    assert.match(event?.target ?? '', /^logs-imapwhy\.[a-z0-9_]+-prod$/);
    assert.equal(event?.version, undefined);
  });

  it('no dataset becomes a name that was not meant', () => {
    for (const dataset of ['../_all', 'Dovecot.login', 'a-b', '', '*', '__proto__', 'x'.repeat(300), 7, null]) {
      const [event] = documentsOf(
        { events: [{ id: 'a', session: undefined, document: { event: { dataset } } }], profiles: [], incidents: [] },
        'default',
      );
      assert.equal(event?.target, 'logs-imapwhy.unparsed-default', String(dataset));
    }
  });

  it('profiles: the month of the anchor, their revision as version', () => {
    const march = { ...profile, event: { ...profile.event, start: '2026-03-31T23:59:59.999Z' } };
    const [document] = documentsOf({ events: [], profiles: [march], incidents: [] }, 'default');
    assert.equal(document?.target, 'imapwhy-profiles-default-2026.03');
    assert.equal(document?.version, profile.imapwhy.revision);
  });

  it('a corrected clock does not move a profile into another month', () => {
    // An id made on 2026-11-24 at 03:24 (samples/lab-a), as Dovecot packs the time into it.
    const dovecot = (start: string) => ({
      ...profile,
      event: { ...profile.event, start },
      imapwhy: { ...profile.imapwhy, session: { id: 's', dovecot_id: 'T09Lvv1gh8bGM2Ro' } },
    });
    const profiles = ['2026-11-24T04:01:35.000Z', '2026-11-24T05:30:00.000Z', '2026-11-23T22:00:00.000Z'].map(dovecot);
    const targets = documentsOf({ events: [], profiles, incidents: [] }, 'default').map((d) => d.target);
    assert.deepEqual(new Set(targets), new Set(['imapwhy-profiles-default-2026.11']));
  });

  it('incidents: the month of their start', () => {
    const incident = sampleIncident('i', 'network.packet_loss', 's', Date.UTC(2026, 0, 31), 1, 1, 1, 1, 'e', 4);
    const [document] = documentsOf({ events: [], profiles: [], incidents: [incident] }, 'default');
    assert.deepEqual([document?.target, document?.version], ['imapwhy-incidents-default-2026.01', 4]);
  });
});
