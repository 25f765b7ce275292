/** Taken up again at any step, a partition of sessions goes on exactly as the one that was never stopped: the same facts in the same order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Progress } from '../../../cli/stream/messages.ts';
import { SessionsPartition } from '../../../cli/stream/sessions-partition.ts';
import { DEFAULT_CORRELATE_OPTIONS } from '../../../processors/correlate/options.ts';
import { isSessionLine } from '../../../processors/correlate/route.ts';
import type { TimedSessionEvent } from '../../../processors/correlate/sessions.ts';
import { dovecotId, NEAR, timedLines } from '../../timed-events.ts';
import { KeptSessions } from './in-memory.ts';

const options = { partition: 0, units: ['raw/0'], correlate: DEFAULT_CORRELATE_OPTIONS };

/** What may happen at a second: few users, addresses and ports, so that everything meets everything. */
const happening = fc.record({
  second: fc.integer({ min: 0, max: 1800 }),
  kind: fc.constantFrom('login', 'nameless', 'auth', 'end', 'end nameless', 'refused', 'proxy'),
  user: fc.constantFrom('anna', 'bert'),
  ip: fc.constantFrom('198.51.100.20', '198.51.100.21', '192.0.2.5'),
  port: fc.integer({ min: 41_000, max: 41_002 }),
  /** When the connection that the line is about began, before it. */
  ago: fc.constantFrom(0, 1, 1, 2, 60, 200, 700),
});
type Happening = typeof happening extends fc.Arbitrary<infer H> ? H : never;

const stamp = (second: number): string => `Nov 24 ${new Date(NEAR + second * 1000).toISOString().slice(11, 19)}`;

function lineOf({ second, kind, user, ip, port, ago }: Happening): string {
  const id = dovecotId(NEAR + (second - ago) * 1000, port, ip);
  const who = `user=<${user}@example.org>, method=PLAIN, rip=${ip}, lip=192.0.2.10`;
  const mail = `${stamp(second)} mx1 dovecot: imap(${user}@example.org)<${4000 + port}>`;
  const counts = 'in=70 out=4221 deleted=0 expunged=0 trashed=0 hdr_count=16 hdr_bytes=2694 body_count=0 body_bytes=0';
  switch (kind) {
    case 'login':
      return `${stamp(second)} mx1 dovecot: imap-login: Login: ${who}, mpid=${4000 + port}, TLS, session=<${id}>`;
    case 'nameless':
      return `${stamp(second)} mx1 dovecot: imap-login: Login: ${who}, mpid=${4000 + port}, TLS`;
    case 'auth':
      return `${stamp(second)} mx1 dovecot: auth: passwd-file(${user}@example.org,${ip},<${id}>): Password mismatch`;
    case 'end':
      return `${mail}<${id}>: Disconnected: Logged out ${counts}`;
    case 'end nameless':
      return `${stamp(second)} mx1 dovecot: imap(${user}@example.org): Disconnected: Logged out ${counts}`;
    case 'refused':
      return `${stamp(second)} mx1 dovecot: imap-login: Disconnected: Auth failed (auth failed, 1 attempts in 2 secs): ${who}, TLS, session=<${id}>`;
    default: {
      const accepted = new Date(NEAR + (second - ago) * 1000).toISOString();
      return `${stamp(second)} lb1 haproxy[812]: ${ip}:${port} [24/Nov/2026:${accepted.slice(11, 23)}] imaps dovecot/mx1 1/0/${ago * 1000} 5321 -- 4/4/3/3/0 0/0`;
    }
  }
}

function eventsOf(all: readonly Happening[]): readonly TimedSessionEvent[] {
  const lines = [...all].sort((a, b) => a.second - b.second).map(lineOf);
  return timedLines(lines.join('\n')).filter(isSessionLine);
}

const throughJson = <T>(data: T): T => JSON.parse(JSON.stringify(data));

test('stopped after any step and taken up again, it tells what it would have told', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { minLength: 5, maxLength: 40 }),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      (all, stops) => {
        const events = eventsOf(all);
        const undisturbed = new SessionsPartition(options);
        let other = new SessionsPartition(options);
        const kept = new KeptSessions();
        const STEPS = stops.length;
        const batches: { readonly progress: Progress; readonly events: readonly TimedSessionEvent[] }[] = [];
        for (let step = 0; step <= STEPS; step++) {
          const some = events.slice((events.length * step) / STEPS, (events.length * (step + 1)) / STEPS);
          const reached = Math.max(...events.slice(0, (events.length * (step + 1)) / STEPS).map((e) => e.seenAt), NEAR);
          const batch = { progress: { unit: 'raw/0', reached, caughtUp: false, ended: step === STEPS }, events: some };
          batches.push(batch);
          undisturbed.take(throughJson(batch), step);
          other.take(throughJson(batch), step);
          assert.deepEqual(throughJson(other.advance()), throughJson(undisturbed.advance()));
          kept.add(other);
          if (stops[step] !== true) continue;
          const from = other.neededFrom;
          other = new SessionsPartition(options, kept.stored());
          for (let again = from; again <= step; again++) {
            const batchAgain = batches[again];
            if (batchAgain) other.take(throughJson(batchAgain), again);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
