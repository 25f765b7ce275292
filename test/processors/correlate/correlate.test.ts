/** Which lines become one session, tried with lines through the real parsers. Addresses and names are from the documentation ranges. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../../../models/cause/judge.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import {
  type ClosedSession,
  Correlate,
  DEFAULT_CORRELATE_OPTIONS,
  type TimedEvent,
} from '../../../processors/correlate/correlate.ts';
import { LINES_MAX } from '../../../processors/correlate/session.ts';
import { buildProfile } from '../../../processors/profile/build-profile.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { dovecotId, timedLines } from '../../timed-events.ts';

const MINUTE_MS = 60_000;
const CLIENT = '198.51.100.20';
const at = (clock: string): number => Date.parse(`2026-11-24T${clock}Z`);

function closeAll(events: readonly TimedEvent[], options = DEFAULT_CORRELATE_OPTIONS): readonly ClosedSession[] {
  const out: ClosedSession[] = [];
  const correlate = new Correlate(options);
  correlate.push(events);
  correlate.flush(out);
  return out;
}

function only<T>(list: readonly T[]): T {
  assert.equal(list.length, 1, `one expected, ${list.length} found`);
  const [first] = list;
  assert.ok(first !== undefined);
  return first;
}

const id = dovecotId(at('04:00:00.250'), 41_000, CLIENT);
const login = (clock: string, session: string, user = 'anna', ip = CLIENT, pid = 4000): string =>
  `Nov 24 ${clock} mx1 dovecot: imap-login: Login: user=<${user}@example.org>, method=PLAIN, rip=${ip}, lip=192.0.2.10, mpid=${pid}, TLS, session=<${session}>`;
const logout = (clock: string, session: string, user = 'anna', pid = 4000): string =>
  `Nov 24 ${clock} mx1 dovecot: imap(${user}@example.org)<${pid}><${session}>: Disconnected: Logged out in=70 out=4221 deleted=0 expunged=0 trashed=0 hdr_count=16 hdr_bytes=2694 body_count=0 body_bytes=0`;
const FLOWS = 'start,end,duration_s,proto,src,sport,dst,dport,tcp_flags,packets,bytes';
const flow = (start: string, end: string, from: string, to: string, flags = '...AP.SF'): string =>
  `2026-11-24 ${start},2026-11-24 ${end},1.000,6,${from},${to},${flags},10,1000`;

describe('a connection', () => {
  const mail = `
    Nov 24 04:00:00 mx1 dovecot: imap-login: ID sent: name=Thunderbird, version=140.1: user=<>, rip=${CLIENT}, lip=192.0.2.10, TLS, session=<${id}>
    ${login('04:00:01', id)}
    ${logout('04:00:09', id)}`;
  const haproxy = `Nov 24 04:00:09 mx1 haproxy[152]: ${CLIENT}:41000 [24/Nov/2026:04:00:00.248] imaps_vip mx/mx1 1/1/9100 5590 -- 1/1/0/0/0 0/0`;
  const flows = `${FLOWS}
    ${flow('04:00:00.249', '04:00:09.400', `${CLIENT},41000`, '192.0.2.10,993')}
    ${flow('04:00:00.249', '04:00:09.400', '192.0.2.10,993', `${CLIENT},41000`)}`;
  const firewall = `Nov 24 03:59:59 mx1 ulogd[159]: IMAP-RATELIMIT-DROP  IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=${CLIENT} DST=192.0.2.10 LEN=60 TOS=00 PREC=0x00 TTL=63 ID=61936 DF PROTO=TCP SPT=41000 DPT=993 SEQ=2257338942 ACK=0 WINDOW=64240 SYN URGP=0 MARK=0x0 `;

  test('is told by Dovecot, the proxy, flow records and the packet filter: one session, by address and port', () => {
    const { session: s } = only(closeAll(timedLines(mail, haproxy, flows, firewall)));
    assert.equal(s.lineKinds.length, 7);
    assert.equal(s.dovecotId, id);
    assert.equal(s.user, 'anna@example.org');
    assert.equal(s.client, 'Thunderbird/140.1');
    assert.equal(s.startedAt, at('04:00:00.250'), 'to the millisecond, from the session id');
    assert.equal(s.proxy?.termination, '--');
    assert.equal(s.flow?.up?.packets, 10);
    assert.equal(s.flow?.down?.packets, 10);
    assert.equal(s.drops?.count, 1);
    assert.deepEqual(s.tags, []);
  });

  test('that only other sources saw is a session as well', () => {
    const { session: s } = only(closeAll(timedLines(haproxy, flows)));
    assert.equal(s.dovecotId, undefined);
    assert.equal(s.sourceIp, CLIENT);
    assert.equal(s.lineKinds.length, 3);
  });

  test('of POP3 or ManageSieve is none', () => {
    assert.deepEqual(closeAll(timedLines(mail.replaceAll('imap', 'pop3'))), []);
  });

  test('two users behind one address at once are two sessions', () => {
    const other = dovecotId(at('04:00:00.600'), 41_001, CLIENT);
    const both = closeAll(
      timedLines(`
        ${login('04:00:01', id)}
        ${login('04:00:01', other, 'piotr', CLIENT, 4001)}
        ${logout('04:00:05', other, 'piotr', 4001)}
        ${logout('04:00:09', id)}`),
    );
    assert.deepEqual(
      both.map(({ session: s }) => [s.user, s.sourcePort, s.lineKinds.length]),
      [
        ['piotr@example.org', 41_001, 2],
        ['anna@example.org', 41_000, 2],
      ],
    );
  });

  test('the same port used again is another session, and late records of the first one stay with the first', () => {
    const again = dovecotId(at('04:05:00.100'), 41_000, CLIENT);
    const both = closeAll(
      timedLines(
        `${mail}
         ${login('04:05:01', again)}
         ${logout('04:05:09', again)}`,
        `${FLOWS}
         ${flow('04:00:00.249', '04:00:09.400', `${CLIENT},41000`, '192.0.2.10,993')}
         ${flow('04:05:00.100', '04:05:09.300', `${CLIENT},41000`, '192.0.2.10,993')}`,
      ),
    );
    assert.deepEqual(
      both.map(({ session: s }) => [s.dovecotId, s.lineKinds.length, s.flow?.startedAt]),
      [
        [id, 4, at('04:00:00.249')],
        [again, 3, at('04:05:00.100')],
      ],
    );
  });

  test('the same port used again at once, while the first one waits to settle', () => {
    const again = dovecotId(at('04:00:20.100'), 41_000, CLIENT);
    const both = closeAll(timedLines(`${mail}\n${login('04:00:21', again)}\n${logout('04:00:29', again)}`));
    assert.deepEqual(
      both.map(({ session: s }) => [s.dovecotId, s.lineKinds.length]),
      [
        [id, 3],
        [again, 2],
      ],
    );
  });

  test('through a proxy that does not tell the client: the proxy saw the address, Dovecot the rest', () => {
    const proxy = '192.0.2.50';
    // Several users are known behind the proxy's address before anything is guessed.
    const earlier = ['ewa', 'jan', 'ola'].map((user, i) => {
      const session = dovecotId(at(`03:5${i}:00.100`), 50_000 + i, proxy);
      return `${login(`03:5${i}:01`, session, user, proxy, 3900 + i)}\n${logout(`03:5${i}:02`, session, user, 3900 + i)}`;
    });
    const hidden = dovecotId(at('04:00:00.252'), 52_000, proxy);
    const closed = closeAll(
      timedLines(
        `${earlier.join('\n')}\n${login('04:00:01', hidden, 'anna', proxy)}\n${logout('04:00:09', hidden)}`,
        haproxy,
        `${FLOWS}\n${flow('04:00:00.249', '04:00:09.900', `${CLIENT},41000`, '192.0.2.50,993')}`,
      ),
    );
    const { session: s } = only(closed.filter((c) => c.session.dovecotId === hidden));
    assert.equal(s.sourceIp, proxy);
    assert.equal(s.clientIp, CLIENT);
    assert.deepEqual(s.tags, ['proxied']);
    assert.ok(s.flow, 'flow records name the client, who is known by now');
    assert.equal(closed.length, 4);
  });
});

describe('lines without a session id', () => {
  const plainLogin = (clock: string, user: string, ip: string, pid: number): string =>
    `Nov 24 ${clock} mx1 dovecot: imap-login: Login: user=<${user}>, method=PLAIN, rip=${ip}, lip=192.0.2.10, mpid=${pid}, TLS`;

  test('of Dovecot 2.2 join by user', () => {
    const { session: s } = only(
      closeAll(
        timedLines(`
          ${plainLogin('04:00:01', 'anna', CLIENT, 4000)}
          Nov 24 04:00:09 mx1 dovecot: imap(anna): Disconnected: Logged out in=70 out=4221`),
      ),
    );
    assert.equal(s.lineKinds.length, 2);
    assert.equal(s.postLogin?.end, 'logged-out');
    assert.deepEqual(s.tags, []);
  });

  test('join by process where the line says it, even if the user has several sessions', () => {
    const both = closeAll(
      timedLines(`
        ${plainLogin('04:00:01', 'anna', CLIENT, 4000)}
        ${plainLogin('04:00:02', 'anna', '203.0.113.5', 4001)}
        Nov 24 04:00:09 mx1 dovecot: imap(anna)<4001>: Disconnected: Logged out in=70 out=4221
        Nov 24 04:00:19 mx1 dovecot: imap(anna)<4000>: Disconnected: Connection closed (UID FETCH finished 30.123 secs ago) in=70 out=4221`),
    );
    assert.deepEqual(
      both.map(({ session: s }) => [s.sourceIp, s.postLogin?.end, s.lineKinds.length]),
      [
        ['203.0.113.5', 'logged-out', 2],
        [CLIENT, 'connection-closed', 2],
      ],
    );
  });

  test('one user, one session after the other: each end goes to its own', () => {
    const both = closeAll(
      timedLines(`
        ${plainLogin('04:00:01', 'anna', CLIENT, 4000)}
        Nov 24 04:00:09 mx1 dovecot: imap(anna): Disconnected: Logged out in=70 out=1
        ${plainLogin('04:01:01', 'anna', CLIENT, 4001)}
        Nov 24 04:01:09 mx1 dovecot: imap(anna): Disconnected: Logged out in=70 out=2`),
    );
    assert.deepEqual(
      both.map(({ session: s }) => s.postLogin?.bytesOut),
      [1, 2],
    );
  });

  test('with a port belong to the connection of that port alone', () => {
    const line = (clock: string, what: string, port: number): string =>
      `Nov 24 ${clock} mx1 dovecot: imap-login: ${what}, rip=${CLIENT}, rport=${port}, lip=192.0.2.10, TLS`;
    const both = closeAll(
      timedLines(`
        ${line('04:00:01', 'ID sent: name=Thunderbird: user=<>', 41_000)}
        ${line('04:00:05', 'Disconnected: Connection queue full (no auth attempts in 0 secs): user=<>', 41_002)}
        ${line('04:00:09', 'Login: user=<anna>, method=PLAIN, mpid=4000', 41_000)}
        Nov 24 04:00:19 mx1 dovecot: imap(anna): Disconnected: Logged out in=70 out=1`),
    );
    assert.deepEqual(
      both.map(({ session: s }) => [s.sourcePort, s.user, s.preLogin?.end, s.postLogin?.end]),
      [
        [41_002, undefined, 'queue-full', undefined],
        [41_000, 'anna', undefined, 'logged-out'],
      ],
    );
  });

  test('an end goes to the session that it can be the end of', () => {
    const end = (clock: string, words: string): string =>
      `Nov 24 ${clock} mx1 dovecot: imap(anna): ${words} in=70 out=4221`;
    const ended = (log: string): readonly (string | undefined)[] =>
      closeAll(timedLines(log))
        .toSorted((a, b) => a.session.startedAt - b.session.startedAt)
        .map(({ session: s }) => s.postLogin?.end);
    const old = plainLogin('03:20:01', 'anna', CLIENT, 4000);
    const young = plainLogin('03:50:01', 'anna', '203.0.113.5', 4001);
    // After half an hour without input; the younger session has not lasted so long.
    assert.deepEqual(ended(`${old}\n${young}\n${end('03:55:47', 'Disconnected for inactivity')}`), [
      'inactivity',
      undefined,
    ]);
    // Who has been well for half an hour had commands.
    const gone = young.replace('TLS', 'TLS: Connection closed').replace('03:50:01', '03:50:03');
    assert.deepEqual(ended(`${old}\n${end('03:50:03', 'Connection closed (No commands sent)')}\n${gone}`), [
      undefined,
      'connection-closed',
    ]);
  });

  test('an expired token is no guess of a password', () => {
    const token = `
      Nov 24 04:00:00 mx1 dovecot: auth: oauth2(anna,${CLIENT}): oauth2 failed: Introspection failed: Provided token is not valid
      ${plainLogin('04:00:09', 'ben', CLIENT, 4000)}
      Nov 24 04:00:19 mx1 dovecot: imap(ben): Disconnected: Connection closed (UID FETCH finished 30.123 secs ago) in=70 out=1`;
    const failures = (log: string): number | undefined =>
      closeAll(timedLines(log)).find(({ session: s }) => s.user === 'ben')?.surroundings?.client.passwordFailures;
    assert.equal(failures(token), 0);
    assert.equal(failures(token.replace(/oauth2\(anna,(.*?)\): .*/, 'passwd-file(anna,$1): Password mismatch')), 1);
  });
});

describe('a web request', () => {
  const access = (clock: string, path: string, status: number, agent = 'Thunderbird'): string =>
    `${CLIENT} - - [24/Nov/2026:${clock} +0000] "POST ${path} HTTP/1.1" ${status} 376 "-" "${agent}"`;
  const audit = (clock: string, port: number, path: string, status: number, verdict: string): string =>
    [
      '---MiEq9p7y---A--',
      `[24/Nov/2026:${clock} +0000] 179549280012.067990 ${CLIENT} ${port} 192.0.2.10 443`,
      '---MiEq9p7y---B--',
      `POST ${path} HTTP/1.1`,
      'Host: login.example.org',
      'User-Agent: Thunderbird',
      '---MiEq9p7y---F--',
      `HTTP/1.1 ${status}`,
      '---MiEq9p7y---H--',
      verdict,
      '---MiEq9p7y---Z--',
    ].join('\n');
  const warning =
    'ModSecurity: Warning. Matched "Operator `Contains\' with parameter `x\' against variable `REQUEST_HEADERS:User-Agent\' (Value: `Thunderbird\' ) [file "/etc/modsecurity/site.conf"] [line "4"] [id "10005"] [rev ""] [msg "noted"] [data ""] [severity "5"] [ver ""] [maturity "0"] [accuracy "0"] [hostname "192.0.2.10"] [uri "/oauth2/token"] [unique_id "179549280012.067990"] [ref ""]';
  const denied = warning
    .replace('Warning.', 'Access denied with code 403 (phase 2).')
    .replace('[msg "noted"]', '[msg "too strict"]');

  test('for a token, told with and without its port, belongs to the connection it serves', () => {
    const session = dovecotId(at('04:00:02.500'), 41_000, CLIENT);
    const { session: s } = only(
      closeAll(
        timedLines(
          `${login('04:00:03', session).replace('method=PLAIN', 'method=XOAUTH2')}\n${logout('04:00:09', session)}`,
          access('04:00:01', '/oauth2/token', 200),
          [audit('04:00:01', 40_999, '/oauth2/token', 200, warning)],
        ),
      ),
    );
    assert.equal(s.kind, 'connection');
    assert.equal(s.lineKinds.length, 4);
    const request = only(s.requests);
    assert.equal(request.port, 40_999);
    assert.equal(request.status, 200);
    assert.deepEqual(request.seen.toSorted(), ['modsecurity.audit', 'nginx.access']);
  });

  test('that was blocked and led to no connection is a session by itself', () => {
    const { session: s, surroundings } = only(
      closeAll(
        timedLines(access('04:00:01', '/oauth2/token', 403), [audit('04:00:01', 40_999, '/oauth2/token', 403, denied)]),
      ),
    );
    assert.equal(s.kind, 'request');
    assert.equal(only(s.requests).blocked, true);
    assert.equal(surroundings?.rule?.id, '10005');
    assert.equal(s.lineKinds.length, 2);
  });

  test('for a token is no part of a connection that logs in with a password', () => {
    const session = dovecotId(at('04:00:02.500'), 41_000, CLIENT);
    const both = closeAll(
      timedLines(
        `${login('04:00:03', session)}\n${logout('04:00:09', session)}`,
        access('04:00:01', '/oauth2/token', 200),
      ),
    );
    assert.deepEqual(both.map((c) => c.session.kind).toSorted(), ['connection', 'request']);
  });

  test('one after the other within seconds are one attempt', () => {
    const { session: s } = only(
      closeAll(
        timedLines(
          `${access('04:00:01', '/autodiscover/autodiscover.xml', 200)}\n${access('04:00:02', '/portal', 302)}`,
        ),
      ),
    );
    assert.equal(s.lineKinds.length, 2);
    assert.equal(s.startedAt, at('04:00:01.000'));
  });

  test('a flood of one address costs no more than its bound', () => {
    const lines = Array.from({ length: 5000 }, (_, i) => access('04:00:01', `/p${i}`, 404));
    const closed = closeAll(timedLines(lines.join('\n')));
    assert.equal(closed.length, 5000);
  });
});

describe('a VPN lease', () => {
  const vpnLine = (clock: string, text: string): string => `2026-11-24 ${clock} ${text}`;
  const granted = (clock: string, name: string, real: string, address: string): string =>
    `${vpnLine(clock, `${real}:53952 [${name}] Peer Connection Initiated with [AF_INET]${real}:53952`)}
     ${vpnLine(clock, `${name}/${real}:53952 MULTI: Learn: ${address} -> ${name}/${real}:53952`)}`;

  test('tells who had the address when', () => {
    const first = dovecotId(at('04:03:00.100'), 41_000, '10.8.0.7');
    const second = dovecotId(at('04:13:00.100'), 41_000, '10.8.0.7');
    const both = closeAll(
      timedLines(
        `${login('04:03:01', first, 'anna', '10.8.0.7')}
         ${logout('04:03:09', first)}
         ${login('04:13:01', second, 'piotr', '10.8.0.7', 4001)}
         ${logout('04:13:09', second, 'piotr', 4001)}`,
        `${granted('04:00:00', 'laptop-01', '203.0.113.11', '10.8.0.7')}
         ${granted('04:10:00', 'laptop-02', '203.0.113.22', '10.8.0.7')}`,
      ),
    );
    assert.deepEqual(
      both.map(({ session: s }) => [s.user, s.sourceIp, s.clientIp, s.vpn?.name]),
      [
        ['anna@example.org', '10.8.0.7', '203.0.113.11', 'laptop-01'],
        ['piotr@example.org', '10.8.0.7', '203.0.113.22', 'laptop-02'],
      ],
    );
  });

  test('that is told only after the session began is found when the session is closed', () => {
    const session = dovecotId(at('04:03:00.100'), 41_000, '10.8.0.7');
    const { session: s } = only(
      closeAll(
        timedLines(
          `${login('04:03:01', session, 'anna', '10.8.0.7')}\n${logout('04:03:09', session)}`,
          granted('04:03:02', 'laptop-01', '203.0.113.11', '10.8.0.7'),
        ),
      ),
    );
    assert.equal(s.vpn?.name, 'laptop-01');
    assert.equal(s.clientIp, '203.0.113.11');
  });

  test('whose keys are renegotiated during the attempt, whichever end asked for it', () => {
    const session = dovecotId(at('04:03:00.100'), 41_000, '10.8.0.7');
    const peer = 'laptop-01/203.0.113.11:53952';
    const rekeyed = (clock: string, words: string): boolean | undefined => {
      const closed = only(
        closeAll(
          timedLines(
            `${login('04:03:05', session, 'anna', '10.8.0.7')}\n${logout('04:13:09', session)}`,
            `${granted('03:03:02', 'laptop-01', '203.0.113.11', '10.8.0.7')}\n${vpnLine(clock, words)}`,
          ),
        ),
      );
      const { outcome, cause } = judge(closed, SHIPPED_MODEL, DEFAULT_TIMERS);
      const facts = { eventId: () => '', clock: () => undefined };
      return buildProfile(closed, outcome, cause, facts, 1).imapwhy.path.vpn?.rekeyed;
    };
    const reset = `${peer} TLS: soft reset sec=3600/3600 bytes=4652/-1 pkts=52/0`;
    const keys = 'Control Channel: TLSv1.3, cipher TLSv1.3 TLS_AES_256_GCM_SHA384, peer certificate: 256 bits';
    assert.equal(rekeyed('04:03:02', reset), true);
    assert.equal(rekeyed('04:03:02', `${peer} ${keys}`), true);
    assert.equal(
      rekeyed('04:03:02', `203.0.113.11:53952 ${keys}`),
      false,
      'the handshake of a client that is not known yet',
    );
    assert.equal(rekeyed('04:03:02', reset.replace('laptop-01', 'laptop-02')), false);
    assert.equal(rekeyed('04:02:50', reset), false, 'before it');
    assert.equal(rekeyed('04:09:00', reset), false, 'after it had gone well');
  });
});

describe('what TLS negotiated', () => {
  test('stands in the profile where the login line tells it', () => {
    const negotiated = 'TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)';
    const tls = (lines: string): unknown => {
      const closed = only(closeAll(timedLines(`${lines}\n${logout('04:00:09', id)}`)));
      const { outcome, cause } = judge(closed, SHIPPED_MODEL, DEFAULT_TIMERS);
      return buildProfile(closed, outcome, cause, { eventId: () => '', clock: () => undefined }, 1).tls;
    };
    const usual = login('04:00:01', id);
    assert.deepEqual(tls(usual), { version: null, cipher: null, established: true });
    assert.deepEqual(tls(usual.replace(', TLS,', `, ${negotiated},`)), {
      version: '1.2',
      cipher: 'ECDHE-RSA-AES256-GCM-SHA384',
      established: true,
    });
  });
});

describe('without an end', () => {
  const begun = timedLines(login('04:00:01', id));

  test('a session is closed after the idle limit, marked incomplete', () => {
    const correlate = new Correlate();
    const out: ClosedSession[] = [];
    correlate.push(begun);
    const due = at('04:00:01.000') + DEFAULT_CORRELATE_OPTIONS.idleLimitMs;
    correlate.advance(due - 1, out);
    assert.equal(out.length, 0);
    assert.equal(correlate.openSessions, 1);
    correlate.advance(due, out);
    assert.deepEqual(only(out).session.tags, ['incomplete']);
    assert.equal(correlate.openSessions, 0);
  });

  test('lines go on: the absolute limit holds', () => {
    const options = { ...DEFAULT_CORRELATE_OPTIONS, idleLimitMs: 10 * MINUTE_MS, absoluteLimitMs: 30 * MINUTE_MS };
    const copies = Array.from(
      { length: 59 },
      (_, i) =>
        `Nov 24 04:${String(i + 1).padStart(2, '0')}:00 mx1 dovecot: imap(anna@example.org)<4000><${id}>: copy from INBOX: box=Trash, uid=${i}, msgid=<${i}@example.org>, size=2048`,
    );
    const correlate = new Correlate(options);
    const out: ClosedSession[] = [];
    correlate.push(timedLines(`${login('04:00:01', id)}\n${copies.join('\n')}`));
    correlate.advance(at('04:30:00.250'), out);
    const { session: s } = only(out);
    assert.deepEqual(s.tags, ['incomplete']);
    assert.equal(s.lastAt, at('04:30:00.000'));
  });

  test('an endless session keeps a bounded number of lines and counts the others', () => {
    const copies = Array.from(
      { length: 3000 },
      (_, i) =>
        `Nov 24 04:${String(Math.floor(i / 60)).padStart(2, '0')}:${String(i % 60).padStart(2, '0')} mx1 dovecot: imap(anna@example.org)<4000><${id}>: copy from INBOX: box=Trash, uid=${i}, msgid=<${i}@example.org>, size=2048`,
    );
    const { session: s, knowledge } = only(closeAll(timedLines(`${login('04:00:00', id)}\n${copies.join('\n')}`)));
    assert.equal(s.lineKinds.length, LINES_MAX);
    assert.equal(s.lines.length, 3 * LINES_MAX);
    assert.equal(s.linesOmitted, 3001 - LINES_MAX);
    assert.ok(knowledge >= 3001);
  });

  test('one more session than there is room for closes the oldest, marked', () => {
    const lines = Array.from({ length: 5 }, (_, i) => {
      const session = dovecotId(at(`04:00:0${i}.100`), 41_000 + i, CLIENT);
      return login(`04:00:0${i}`, session, `user${i}`, CLIENT, 4000 + i);
    });
    const correlate = new Correlate({ ...DEFAULT_CORRELATE_OPTIONS, openMax: 4 });
    const out: ClosedSession[] = [];
    correlate.push(timedLines(lines.join('\n')));
    correlate.advance(at('04:00:30.000'), out);
    assert.equal(correlate.openSessions, 4);
    assert.equal(correlate.evicted, 1);
    const { session: s } = only(out);
    assert.equal(s.user, 'user0@example.org');
    assert.deepEqual(s.tags.toSorted(), ['evicted', 'incomplete']);
  });
});

describe('time', () => {
  test('a session is closed when it has settled, not before', () => {
    const correlate = new Correlate();
    const out: ClosedSession[] = [];
    correlate.push(timedLines(`${login('04:00:01', id)}\n${logout('04:30:00', id)}`));
    const due = at('04:30:00.000') + DEFAULT_CORRELATE_OPTIONS.settleMs;
    correlate.advance(due - 1, out);
    assert.equal(out.length, 0);
    correlate.advance(due, out);
    assert.deepEqual(only(out).session.tags, []);
  });

  test('a late line opens a session again: a higher revision, and the first answer stays as it was', () => {
    const correlate = new Correlate();
    const out: ClosedSession[] = [];
    correlate.push(timedLines(login('04:00:01', id)));
    correlate.advance(at('08:00:00.000'), out);
    const first = only(out);
    const firstText = JSON.stringify(first);
    assert.equal(first.revised, false);
    // From another log, which came late.
    correlate.push(timedLines('', logout('04:00:09', id)));
    correlate.flush(out);
    assert.equal(correlate.late, 1);
    assert.equal(out.length, 2);
    const second = out.at(-1);
    assert.ok(second);
    assert.equal(second.revised, true);
    assert.equal(second.session.serial, first.session.serial);
    assert.equal(second.session.lineKinds.length, 2);
    assert.deepEqual(second.session.tags, [], 'it is complete now');
    assert.ok(second.knowledge > first.knowledge);
    assert.equal(JSON.stringify(first), firstText);
  });

  test('bad and hostile addresses and users are only text', () => {
    const closed = closeAll(
      timedLines(`
        ${login('04:00:01', id, '__proto__')}
        ${logout('04:00:09', id, '__proto__')}`),
    );
    assert.equal(only(closed).session.user, '__proto__@example.org');
  });
});
