import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Counters } from '../../../cli/stream/counters.ts';
import { counted, PipelineReport } from '../../../cli/stream/pipeline-report.ts';
import { newRedaction } from '../../../processors/redact.ts';

const state = {
  sessionsOpen: 3,
  pendingBytes: 0,
  lag: 7,
  watermarkLagMs: 31_000,
  rssBytes: 1,
  cpuMs: 100,
  repeated: 0,
};

describe('what a process reports of itself', () => {
  test('is what happened since the last report', () => {
    const counters = new Counters();
    const report = new PipelineReport('worker', ['parse'], 'host', 1000);
    counters.add('records_total', 'read', 5);
    counters.add('dead_letters_total', 'parse', 1);
    counters.add('dead_letters_total', 'index', 2);
    counters.add('indexed_total', 'profile written', 4);
    const first = report.take(counters, state, 2000);
    assert.equal(first.event.start, '1970-01-01T00:00:01.000Z');
    assert.equal(first['@timestamp'], '1970-01-01T00:00:02.000Z');
    const { pipeline } = first.imapwhy;
    assert.equal(pipeline.records, 5);
    assert.equal(pipeline.dead_letters, 3);
    assert.deepEqual(pipeline.profiles, { written: 4, present: 0, refused: 0 });
    assert.equal(pipeline.cpu_ms, 100);
    counters.add('records_total', 'read', 2);
    counters.add('kafka_errors_total', 'unreachable');
    const second = report.take(counters, { ...state, cpuMs: 150, lag: 0 }, 3000).imapwhy.pipeline;
    assert.equal(second.records, 2);
    assert.equal(second.dead_letters, 0);
    assert.equal(second.cpu_ms, 50);
    assert.equal(second.lag, 0);
    assert.deepEqual(second.troubles, { kafka_unreachable: 1 });
  });

  test('counts the records that held a secret', () => {
    const counters = new Counters();
    const redaction = counted(newRedaction('a key of the tests'), counters);
    redaction.inspect('password=hunter2-the-second');
    redaction.inspect('nothing to hide');
    assert.equal(counters.of('events_total'), 1);
  });
});
