/** What a site file changes in how lines are joined and sessions judged. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../../../models/cause/judge.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { type Prefix, parsePrefix } from '../../../processors/address-map.ts';
import { type ClosedSession, Correlate, DEFAULT_CORRELATE_OPTIONS } from '../../../processors/correlate/correlate.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { type AddressLists, KnownAddresses } from '../../../processors/resolve/known-addresses.ts';
import { dovecotId, timedLines } from '../../timed-events.ts';

const PROXY = '192.0.2.10';
const CLIENT = '198.51.100.20';
const at = (clock: string): number => Date.parse(`2026-11-24T${clock}Z`);

type Lists = { readonly [list in keyof AddressLists]?: readonly string[] };

function knowing(lists: Lists): KnownAddresses {
  const ranges = (texts: readonly string[] = []): readonly Prefix[] =>
    texts.map(parsePrefix).filter((p) => typeof p !== 'string');
  return new KnownAddresses({
    ownNetworks: ranges(lists.ownNetworks),
    trustedProxies: ranges(lists.trustedProxies),
    scanners: ranges(lists.scanners),
    monitors: ranges(lists.monitors),
  });
}

function closeAll(lists: Lists, ...logs: readonly string[]): readonly ClosedSession[] {
  const correlate = new Correlate({ ...DEFAULT_CORRELATE_OPTIONS, known: knowing(lists) });
  const out: ClosedSession[] = [];
  correlate.push(timedLines(...logs));
  correlate.flush(out);
  return out;
}

const labels = (closed: readonly ClosedSession[]): readonly string[] =>
  closed.map((c) => judge(c, SHIPPED_MODEL, DEFAULT_TIMERS).cause.label);

describe('trusted proxies', () => {
  const id = dovecotId(at('04:00:00.250'), 41_000, PROXY);
  const mail = `
    Nov 24 04:00:01 mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=${PROXY}, lip=192.0.2.12, mpid=4000, TLS, session=<${id}>
    Nov 24 04:00:09 mx1 dovecot: imap(anna@example.org)<4000><${id}>: Disconnected: Logged out in=70 out=4221 deleted=0 expunged=0 trashed=0 hdr_count=16 hdr_bytes=2694 body_count=0 body_bytes=0`;
  const haproxy = `Nov 24 04:00:09 mx1 haproxy[152]: ${CLIENT}:50123 [24/Nov/2026:04:00:00.248] imaps_vip mx/mx1 1/1/9100 5590 -- 1/1/0/0/0 0/0`;

  test('are seen through from the first session on', () => {
    assert.equal(closeAll({}, mail, haproxy).length, 2, 'one user behind an address could be anybody');
    const [only, ...more] = closeAll({ trustedProxies: [PROXY] }, mail, haproxy);
    assert.deepEqual(more, []);
    assert.equal(only?.session.clientIp, CLIENT);
    assert.equal(only?.session.sourceIp, PROXY);
  });

  test('no other address is taken for a proxy', () => {
    const many = ['anna', 'ben', 'eva', 'jan'].map((user, n) => {
      const own = dovecotId(at(`04:00:0${n}.250`), 41_000 + n, PROXY);
      return mail.replaceAll(id, own).replaceAll('anna', user).replaceAll('04:00:0', `04:0${n}:0`);
    });
    const late = `Nov 24 04:03:09 mx1 haproxy[152]: ${CLIENT}:50123 [24/Nov/2026:04:00:03.248] imaps_vip mx/mx1 1/1/185800 5590 -- 1/1/0/0/0 0/0`;
    const clients = (lists: Lists): number =>
      closeAll(lists, many.join(''), late).filter(({ session: s }) => s.tags.includes('proxied')).length;
    assert.equal(clients({}), 1);
    assert.equal(clients({ trustedProxies: [PROXY] }), 1);
    assert.equal(clients({ trustedProxies: ['192.0.2.99'] }), 0);
  });

  test('ask whether the server is there: health checks from the first one on, and no trouble of others', () => {
    const checks = Array.from({ length: 6 }, (_, n) => {
      const own = dovecotId(at(`04:00:0${n}.250`), 41_000 + n, PROXY);
      return `Nov 24 04:00:0${n} mx1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=${PROXY}, lip=192.0.2.12, TLS handshaking: Connection closed, session=<${own}>`;
    }).join('\n');
    const user = dovecotId(at('04:00:02.100'), 41_100, CLIENT);
    const other = `Nov 24 04:00:03 mx1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 1 secs): user=<>, rip=${CLIENT}, lip=192.0.2.12, TLS handshaking: Connection closed, session=<${user}>`;
    const closed = closeAll({ trustedProxies: [PROXY] }, checks, other);
    const tags = closed.filter(({ session: s }) => s.sourceIp === PROXY).map(({ session: s }) => s.tags);
    assert.deepEqual(
      tags,
      Array.from({ length: 6 }, () => ['health_check']),
    );
    const [mine] = closed.filter(({ session: s }) => s.sourceIp === CLIENT);
    assert.equal(mine?.surroundings?.everywhere.handshakeClosed, 1, 'its own');
  });

  test('name the client of a web request', () => {
    const access = (ip: string, forwarded: string): string =>
      `${ip} - - [24/Nov/2026:04:00:00 +0000] "POST /oauth/token HTTP/1.1" 403 100 "-" "curl/8" "${forwarded}"`;
    const closed = closeAll(
      { trustedProxies: [PROXY] },
      [access(PROXY, '10.1.1.1, 203.0.113.5'), access(PROXY, '203.0.113.6'), access(CLIENT, '203.0.113.7')].join('\n'),
    );
    assert.deepEqual(closed.map(({ session: s }) => [s.sourceIp, s.clientIp]).sort(), [
      [PROXY, '203.0.113.5'],
      [PROXY, '203.0.113.6'],
      [CLIENT, CLIENT],
    ]);
  });
});

describe('own networks', () => {
  const failures = (ip: string, attempts: number): string =>
    Array.from({ length: attempts }, (_, n) => {
      const own = dovecotId(at(`04:00:${10 + n}.000`), 41_000 + n, ip);
      return `Nov 24 04:00:${12 + n} mx1 dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<user${n}>, method=PLAIN, rip=${ip}, lip=192.0.2.1, TLS, session=<${own}>`;
    }).join('\n');

  test('an attack from one needs more than from anywhere', () => {
    const attacks = (lists: Lists, attempts: number): number =>
      labels(closeAll(lists, failures(CLIENT, attempts))).filter((label) => label === 'security.attack').length;
    const own = { ownNetworks: ['198.51.100.0/24'] };
    assert.equal(attacks({}, 4), 4, 'four users fail from an address that nobody knows');
    assert.equal(attacks(own, 8), 0, 'eight from the office');
    assert.equal(attacks(own, 42), 42, 'half a hundred, and not one login');
  });

  test('its evidence is in the answer', () => {
    const [closed] = closeAll({ ownNetworks: ['198.51.100.0/24'] }, failures(CLIENT, 1));
    assert.ok(closed);
    const { cause } = judge(closed, SHIPPED_MODEL, DEFAULT_TIMERS);
    assert.ok(cause.evidence.some((e) => e.name === 'own-network'));
  });
});

test('from monitors and known scanners nothing is learnt about users', () => {
  const scan = Array.from({ length: 5 }, (_, n) => {
    const own = dovecotId(at(`04:00:1${n}.000`), 41_000 + n, '198.51.100.66');
    return `Nov 24 04:00:1${n} mx1 dovecot: imap-login: Disconnected: Connection closed: SSL_accept() failed: error:0A00009C:SSL routines::http request (no auth attempts in 0 secs): user=<>, rip=198.51.100.66, lip=192.0.2.1, TLS handshaking: SSL_accept() failed: error:0A00009C:SSL routines::http request, session=<${own}>`;
  }).join('\n');
  const id = dovecotId(at('04:00:20.000'), 42_000, CLIENT);
  const user = `Nov 24 04:00:29 mx1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 9 secs): user=<>, rip=${CLIENT}, lip=192.0.2.1, TLS, session=<${id}>`;
  const attacks = (lists: Lists): number | undefined =>
    closeAll(lists, scan, user).find(({ session: s }) => s.sourceIp === CLIENT)?.surroundings?.client.attacksInNetwork;
  assert.equal(attacks({}), 5);
  assert.equal(attacks({ scanners: ['198.51.100.66'] }), 0);
  assert.equal(attacks({ monitors: ['198.51.100.64/27'] }), 0);
});
