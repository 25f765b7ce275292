import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PostfixEvent, postfix } from '../../../processors/parse/postfix.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { UTC } from '../../../processors/time.ts';
import { lineOf } from '../../line.ts';
import { syslogGolden } from './syslog-golden.ts';

syslogGolden(postfix);

const AT = Date.UTC(2026, 10, 24, 3, 24, 25);
const CONTEXT = { zone: UTC, near: Number.NaN, memory: newSourceMemory() };

function event(message: string, program = 'postfix/smtpd'): PostfixEvent {
  const outcome = postfix.parse(lineOf({ program, message, at: AT }), CONTEXT);
  assert.equal(outcome.kind, 'event');
  return outcome.kind === 'event' ? outcome.event : assert.fail();
}

test('a line without a stamp is the only failure', () => {
  const outcome = postfix.parse(
    lineOf({ program: 'postfix/smtpd', message: 'connect from unknown[198.51.100.7]' }),
    CONTEXT,
  );
  assert.deepEqual(outcome, { kind: 'failure', code: 'bad_time', field: 'stamp' });
});

test('accepts any instance and service name, and no other program', () => {
  const accepts = (program: string) =>
    postfix.accepts(lineOf({ program, message: 'connect from unknown[198.51.100.7]' }));
  for (const program of [
    'postfix/smtpd',
    'postfix/submission/smtpd',
    'postfix-incoming/smtpd',
    'submit-tls/smtpd',
    'postfix',
  ]) {
    assert.ok(accepts(program), program);
  }
  for (const program of ['cyrus/imaps', 'dovecot', 'smtpd', 'cron/job']) assert.ok(!accepts(program), program);
});

test('queue ids are told from words', () => {
  assert.equal(event('3F4B21C0D2: removed').queueId, '3F4B21C0D2');
  assert.equal(event('4Wq5Tk0vX2z9rPD: removed').queueId, '4Wq5Tk0vX2z9rPD');
  assert.equal(event('warning: removed').queueId, undefined);
  assert.equal(event('fatal: open /etc/postfix/main.cf').queueId, undefined);
});

test('no reason ever holds what a peer sent as a credential', () => {
  for (const message of [
    'warning: unknown[198.51.100.7]: SASL LOGIN authentication failed: czNjcmV0czNjcmV0',
    'improper command pipelining after AUTH from unknown[198.51.100.7]: czNjcmV0czNjcmV0',
    'warning: non-SMTP command from unknown[198.51.100.7]: Cookie: czNjcmV0czNjcmV0',
  ]) {
    const e = event(message);
    assert.equal(e.clientIp, '198.51.100.7');
    assert.ok(!JSON.stringify(postfix.ecs(e)).includes('czNjcmV0'), message);
  }
});

test('property: total on any text', () => {
  const head = fc.constantFrom(
    '',
    '9FEB6230092: ',
    'NOQUEUE: reject: RCPT from ',
    'warning: ',
    'connect from ',
    'lost connection after ',
    '9FEB6230092: to=<',
    '9FEB6230092: client=',
    'statistics: ',
    'Anonymous TLS connection established from ',
  );
  const piece = fc.constantFrom(
    '[',
    ']',
    ':',
    '>',
    '; from=<',
    '> to=<',
    ', relay=',
    '(',
    ', status=',
    ', sasl_username=',
    ' from ',
    'x',
  );
  const rest = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(
      head,
      rest,
      fc.constantFrom('postfix/smtpd', 'postfix/postscreen', 'postfix/qmgr'),
      (start, end, program) => {
        postfix.ecs(event(start + end, program));
      },
    ),
    { numRuns: 2000 },
  );
});
