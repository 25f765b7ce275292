import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { newSession, type Session } from '../../../processors/correlate/session.ts';
import {
  bodyOf,
  readStored,
  type Standing,
  sessionOf,
  writeStored,
} from '../../../processors/correlate/stored-session.ts';

/** Everything that a log may say, and what breaks those who are careless: line breaks, commas, halves of surrogate pairs, names of prototypes. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', '\ud800', '\udfff,\n', '\r\n\u2028', '["', '{"session":', ''),
);
const number = fc.oneof(fc.nat(), fc.constantFrom(0, -1, 1_795_489_200_000.5, 2 ** 36 * 7 + 3));
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const filled = fc.boolean();
const leg = fc.record({
  startedAt: number,
  endedAt: number,
  packets: number,
  bytes: number,
  syn: filled,
  fin: filled,
  rst: filled,
  push: filled,
});
const rule = fc.record({ id: text, message: text, variable: maybe(text), blocking: filled, attack: filled });

/** Every field of a session, each of them with everything that it can be. */
const anySession: fc.Arbitrary<Session> = fc.record({
  kind: fc.constantFrom('connection', 'request'),
  serial: fc.nat(),
  dovecotId: maybe(text),
  sourceIp: maybe(text),
  sourcePort: maybe(number),
  clientIp: maybe(text),
  serverIp: maybe(text),
  serverPort: maybe(number),
  host: maybe(text),
  protocol: maybe(text),
  startedAt: number,
  startPrecisionMs: number,
  startBasis: text,
  firstAt: number,
  lastAt: number,
  endedAt: maybe(number),
  dueAt: fc.oneof(number, fc.constant(Number.POSITIVE_INFINITY)),
  user: maybe(text),
  pid: maybe(number),
  mechanism: maybe(text),
  client: maybe(text),
  tls: maybe(fc.constantFrom('none', 'handshaking', 'established', 'secured')),
  tlsVersion: maybe(text),
  tlsCipher: maybe(text),
  tlsError: maybe(text),
  idSentAt: maybe(number),
  loggedInAt: maybe(number),
  goneAtLogin: filled,
  greetingDelayed: filled,
  preLogin: maybe(
    fc.record({
      end: fc.constantFrom('queue-full', 'logged-out'),
      auth: maybe(fc.constantFrom('failed', 'not-ready')),
      attempts: maybe(number),
      waitedSeconds: maybe(number),
      reason: text,
    }),
  ),
  postLogin: maybe(
    fc.record({
      end: fc.constantFrom('logged-out', 'other'),
      tlsError: maybe(text),
      command: maybe(text),
      commandState: maybe(fc.constantFrom('running', 'finished', 'none')),
      commandSeconds: maybe(number),
      waitingFor: maybe(fc.constantFrom('input', 'output', 'both', 'nothing')),
      waitingSeconds: maybe(number),
      bufferedOut: maybe(number),
      inactiveSeconds: maybe(number),
      bytesIn: maybe(number),
      bytesOut: maybe(number),
      reason: text,
    }),
  ),
  auth: fc.record({ passwordFailures: fc.nat(), tokenFailures: fc.nat(), unknownUser: filled, timeouts: fc.nat() }),
  lockSeconds: number,
  lockErrors: fc.nat(),
  proxy: maybe(
    fc.record({
      acceptedAt: number,
      clientPort: maybe(number),
      endedAt: maybe(number),
      frontend: maybe(text),
      connectMs: maybe(number),
      totalMs: maybe(number),
      termination: maybe(text),
      bytes: maybe(number),
      reason: maybe(text),
      action: fc.constantFrom('closed' as never),
    }),
  ),
  flow: maybe(fc.record({ startedAt: number, endedAt: number, up: maybe(leg), down: maybe(leg) })),
  drops: maybe(
    fc.record({ count: fc.nat(), firstAt: number, lastAt: number, limited: filled, syn: filled, prefix: text }),
  ),
  requests: fc.array(
    fc.record({
      serial: fc.nat(),
      at: number,
      endedAt: number,
      seenIp: text,
      ip: text,
      port: maybe(number),
      serverIp: maybe(text),
      host: maybe(text),
      method: maybe(text),
      path: maybe(text),
      status: maybe(number),
      userAgent: maybe(text),
      user: maybe(text),
      blocked: filled,
      limited: filled,
      zone: maybe(text),
      transaction: maybe(text),
      score: maybe(number),
      rules: fc.array(rule, { maxLength: 1 }),
      seen: fc.array(text, { maxLength: 2 }),
      lines: fc.array(number, { maxLength: 3 }),
      lineKinds: fc.array(text, { maxLength: 1 }),
      linesOmitted: fc.nat(),
      texts: fc.array(text, { maxLength: 1 }),
    }),
    { maxLength: 1 },
  ),
  vpn: maybe(
    fc.record({
      name: text,
      assignedIp: text,
      realIp: maybe(text),
      rekeyedAt: fc.array(number, { maxLength: 2 }),
    }),
  ),
  lines: fc.array(number, { maxLength: 6 }),
  lineKinds: fc.array(text, { maxLength: 2 }),
  linesOmitted: fc.nat(),
  texts: fc.array(text, { maxLength: 3 }),
  tags: fc.array(text, { maxLength: 2 }),
});
const anyStanding: fc.Arbitrary<Standing> = fc.record({
  closed: filled,
  shared: filled,
  found: filled,
  foundBefore: filled,
});

/** JSON leaves out what is undefined inside of what is nested; to everybody who reads it, that is the same. */
const known = (data: object): unknown => JSON.parse(JSON.stringify({ ...data, dueAt: undefined }));
const asBytes = (written: string): string => Buffer.from(written).toString('utf8');

describe('a session that is written down', () => {
  test('every field is tried', () => {
    const [sample] = fc.sample(anySession, 1);
    assert.deepEqual(Object.keys(sample ?? {}), Object.keys(newSession('connection', 0, 0, 0, '')));
  });

  test('comes back with every field, and as it stood in the store', () => {
    fc.assert(
      fc.property(anySession, anyStanding, (session, standing) => {
        const stored = readStored(asBytes(writeStored({ head: session, body: bodyOf(session), ...standing })));
        assert.ok(stored);
        const { head, body, ...stood } = stored;
        const again = sessionOf(head, body);
        assert.deepEqual(known(again), known(session));
        assert.equal(again.dueAt, session.dueAt);
        assert.deepEqual(Object.keys(again), Object.keys(session), 'of the shape that all sessions have');
        assert.deepEqual(stood, { ...standing });
        assert.equal(body.includes('\n'), false);
      }),
      { numRuns: 300 },
    );
  });

  test('is read as the first releases wrote it', () => {
    fc.assert(
      fc.property(anySession, anyStanding, (session, standing) => {
        const stored = readStored(asBytes(JSON.stringify({ session, ...standing })));
        assert.ok(stored);
        const { head, body, ...stood } = stored;
        assert.deepEqual(known(sessionOf(head, body)), known(session));
        assert.deepEqual(stood, { ...standing });
      }),
      { numRuns: 100 },
    );
  });

  test('of one of which little is known nothing but that is written', () => {
    const s = newSession('connection', 7, 1000, 1, 'dovecot.login');
    const written = writeStored({
      head: s,
      body: bodyOf(s),
      closed: false,
      shared: false,
      found: true,
      foundBefore: false,
    });
    assert.equal(written, '[2,4,7,1000,1000,null]\n[1000,1,"dovecot.login",[],[],[]]');
    const stored = readStored(written);
    assert.ok(stored);
    assert.deepEqual(sessionOf(stored.head, stored.body), s);
  });

  test('what is in no form that is known is not guessed at', () => {
    for (const written of ['[3,4,7,1000,1000]\n[]', '[2,4,7,1000,1000]', '[21,0]\n[]', '{"other":1}', '', 'null'])
      assert.equal(readStored(written), undefined, written);
  });
});
