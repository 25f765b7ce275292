import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceHour } from '../../outputs/output.ts';
import { silentSources } from '../../web/silent-sources.ts';

const HOUR = 3_600_000;
const END = 24 * HOUR;

function wrote(source: string, from: number, to: number, linesAnHour: number): readonly SourceHour[] {
  return Array.from({ length: to - from }, (_, i) => ({
    origin: source,
    source,
    format: 'dovecot',
    hourMs: (from + i) * HOUR,
    lines: linesAnHour,
    unparsed: 0,
    lastMs: (from + i + 1) * HOUR - 1,
  }));
}

describe('silentSources', () => {
  it('names a log that stopped while others go on', () => {
    const silent = silentSources([...wrote('mail.log', 0, 24, 1000), ...wrote('haproxy.log', 0, 22, 100)], END);
    assert.deepEqual(
      silent.map((s) => [s.source, s.lastMs, Math.round(s.linesAnHour)]),
      [['haproxy.log', 22 * HOUR - 1, 100]],
    );
  });

  it('names none of which so few lines were to be expected that chance explains it', () => {
    assert.deepEqual(silentSources([...wrote('mail.log', 0, 24, 1000), ...wrote('fail2ban.log', 0, 22, 3)], END), []);
  });

  it('takes rotated parts for one log', () => {
    assert.deepEqual(
      silentSources([...wrote('mail.log.1.gz', 0, 12, 1000), ...wrote('mail.log', 12, 24, 1000)], END),
      [],
    );
  });

  it('says nothing of an empty store', () => {
    assert.deepEqual(silentSources([], END), []);
  });
});
