import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cause, Profile } from '../../processors/profile/profile.ts';
import { textWidth } from '../../reports/clean-text.ts';
import { checkDecision, explain, logSumExp } from '../../reports/explain.ts';
import { explanationLines } from '../../reports/explain-lines.ts';
import {
  healthySession,
  hostileSession,
  idleTimeoutSession,
  poolExhaustedSession,
  sampleSessions,
  unexplainedSession,
  vpnDownSession,
} from '../profiles.ts';
import type { SampleSession } from '../sample-session.ts';

function textOf({ profile, events }: SampleSession, width = 100, zone = 'Europe/Warsaw'): string {
  return explanationLines(explain(profile, events), { width, zone })
    .map((line) => line.text)
    .join('\n');
}

function withCause(profile: Profile, change: Partial<Cause>): Profile {
  return { ...profile, imapwhy: { ...profile.imapwhy, cause: { ...profile.imapwhy.cause, ...change } } };
}

describe('checkDecision', () => {
  it('makes the stated probability again from the evidence of every sample', () => {
    for (const { profile } of sampleSessions()) {
      const check = checkDecision(profile.imapwhy.cause);
      assert.ok(Math.abs((check.recomputed ?? Number.NaN) - check.stated) < 1e-9, profile.imapwhy.session.id);
      assert.equal(check.warning, null);
    }
  });

  it('gives the numbers that one gets by hand', () => {
    const { cause } = idleTimeoutSession().profile.imapwhy;
    const check = checkDecision(cause);
    // -3.9 base + 3.6 timer + 1.2 close + 0.7 reconnect; -3.6 base + 2.4 - 0.5
    assert.ok(Math.abs((check.log_odds['server.idle_timeout'] ?? 0) - 1.6) < 1e-9);
    assert.ok(Math.abs((check.log_odds['network.client_vanished'] ?? 0) + 1.7) < 1e-9);
    assert.equal(Object.keys(check.log_odds).length, 20);
    assert.equal(check.recomputed?.toFixed(3), '0.936');
  });

  it('weighs evidence by how strongly it holds', () => {
    const { cause } = poolExhaustedSession().profile.imapwhy;
    // -4.8 + 4.1 + 0.9 x 1.2 + 1.3
    assert.equal(checkDecision(cause).log_odds['server.pool_exhausted']?.toFixed(4), '1.6800');
  });

  it('warns when the profile says something else than its evidence', () => {
    const { cause } = idleTimeoutSession().profile.imapwhy;
    assert.equal(checkDecision({ ...cause, probability: cause.probability + 0.0009 }).warning, null);
    for (const probability of [cause.probability + 0.002, 0.5, Number.NaN]) {
      assert.match(checkDecision({ ...cause, probability }).warning ?? '', /gives 0\.9359, but the profile says/);
    }
    const other = checkDecision({ ...cause, label: 'network.client_vanished', probability: 0.0345 });
    assert.match(other.warning ?? '', /speaks more for server\.idle_timeout/);
  });

  it('does not invent a decision that was not made by weighing', () => {
    const { cause } = healthySession().profile.imapwhy;
    const unweighed = checkDecision({ ...cause, evidence: [], probability: 1 });
    assert.deepEqual(unweighed, { log_odds: {}, recomputed: null, stated: 1, warning: null });
    const baseless = checkDecision({ ...cause, evidence: cause.evidence.slice(1) });
    assert.match(baseless.warning ?? '', /no item named "base"/);
  });

  it('does not overflow', () => {
    assert.equal(logSumExp([1000, 1000]), 1000 + Math.log(2));
    assert.equal(logSumExp([]), Number.NEGATIVE_INFINITY);
    const { cause } = idleTimeoutSession().profile.imapwhy;
    const strong = cause.evidence.map((e) => ({ ...e, value: e.name === 'base' ? 1 : 1000 }));
    assert.equal(checkDecision({ ...cause, evidence: strong, probability: 1 }).warning, null);
  });
});

describe('explain', () => {
  it('puts the lines of all sources on one clock, whatever order they come in', () => {
    const { profile, events } = vpnDownSession();
    const { timeline } = explain(profile, [...events].reverse());
    assert.deepEqual(
      timeline.map((l) => [l.at, l.source]),
      [
        ['2026-03-17T11:40:03.000Z', 'mail.log'],
        ['2026-03-17T11:42:00.400Z', 'openvpn.log'],
        ['2026-03-17T11:42:13.000Z', 'mail.log'],
      ],
    );
  });

  it('keeps a line whose event is not stored, and an event that the profile does not list', () => {
    const { profile, events } = idleTimeoutSession();
    const extra = { id: 'x', session: 's', document: { '@timestamp': '2026-03-17T08:13:00.000Z', message: 'extra' } };
    const { timeline } = explain(profile, [...events.slice(1), extra]);
    assert.equal(timeline.length, 5);
    assert.equal(timeline[0]?.original, null);
    assert.equal(timeline[0]?.source, 'dovecot.login');
    assert.equal(timeline[2]?.original, 'extra');
  });

  it('puts an event that the profile does not list on the same clock: its document has the stamp of its source', () => {
    const { profile, events } = vpnDownSession();
    const [note] = profile.imapwhy.clock;
    assert.ok(note);
    const stamp = '2026-03-17T10:42:01.000Z';
    const extra = {
      id: 'x',
      session: 's',
      document: { '@timestamp': stamp, message: 'extra', log: { file: { path: note.source } } },
    };
    const line = explain(profile, [...events, extra]).timeline.find((l) => l.original === 'extra');
    assert.equal(line?.at, new Date(Date.parse(stamp) + note.shift_ms).toISOString());
  });

  it('says what each piece of evidence adds, and what it mostly speaks about', () => {
    const { evidence } = explain(poolExhaustedSession().profile, []);
    assert.deepEqual(
      evidence.map((e) => [e.name, Number(e.adds.toFixed(4)), e.mostly?.label ?? null]),
      [
        ['base', -4.8, 'network.qos_starvation'],
        ['client_limit_reached', 4.1, null],
        ['refused_together', 1.08, 'client.no_auth'],
        ['kicked_from_queue', 1.3, 'client.no_auth'],
      ],
    );
  });

  it('says which evidence separates the alternatives from the answer', () => {
    const [first] = explain(idleTimeoutSession().profile, []).alternatives;
    assert.equal(first?.label, 'network.client_vanished');
    assert.equal(first?.log_odds?.toFixed(2), '-1.70');
    assert.equal(first?.separated_by.length, 3);
  });

  it('never calls an unexplained failure healthy', () => {
    assert.match(explain(unexplainedSession().profile, []).headline.title, /^Unexplained/);
    assert.match(explain(healthySession().profile, []).headline.title, /^Healthy/);
  });
});

describe('explanationLines', () => {
  it('tells the whole story of a session', () => {
    const text = textOf(idleTimeoutSession(), 200);
    const parts = [
      'anna@example.org timed out: A timer closed quiet connections',
      'from 203.0.113.24 to mx1 192.0.2.10:993, through proxy imaps, with Thunderbird',
      '2026-03-17 09:12:41.118 to 09:13:54.222 Europe/Warsaw (73 s)',
      'cause: server.idle_timeout, 94 % sure, shared by server mx1; owner: operations',
      '  09:13:54.222  haproxy.log  Mar 17 09:13:54 mx1 haproxy[911]: 203.0.113.24:50618',
      '  tcp      from 09:12:41.118  1 ms  [haproxy.tcp]',
      '<- stalled here',
      '   +3.60  haproxy_client_timer      The proxy closed the connection',
      '   +1.60  sum',
      'e^+1.60 / (e^+1.60 + e^-1.70 + e^-3.90 + e^-1.99) = 0.936; the profile says 0.936',
      'network.client_vanished (The client vanished without a goodbye), 3.5 %: the client came back',
      'flow: enable export NetFlow or IPFIX',
      '  setting  timeout client',
      '  value    31m',
      '  file     /etc/haproxy/haproxy.cfg',
      '  see      https://docs.haproxy.org/',
    ];
    let from = 0;
    for (const part of parts) {
      const at = text.indexOf(part, from);
      assert.ok(at >= 0, `${part}\nis missing or out of order in\n${text}`);
      from = at;
    }
    assert.doesNotMatch(text, /warning/);
  });

  it('shows the real address beside the one that the server saw, and how clocks were corrected', () => {
    const text = textOf(vpnDownSession());
    assert.match(text, /from 2001:db8:7:1::a4 \(the server saw 10\.8\.0\.7\)/);
    assert.match(text, /through VPN vpn1 \(10\.8\.0\.7\)/);
    assert.match(text, /clock of openvpn\.log corrected by \+3600\.000 s, 97 % sure/);
    assert.match(text, /not shown by the logs/);
  });

  it('warns when the evidence does not give the stated probability', () => {
    const { profile, events } = idleTimeoutSession();
    const text = textOf({ profile: withCause(profile, { probability: 0.5 }), events });
    assert.match(text, /warning: The stored evidence gives 0\.9359, but the profile says 0\.5000/);
  });

  it('says that a session was not weighed', () => {
    const { profile, events } = healthySession();
    const text = textOf({ profile: withCause(profile, { evidence: [], alternatives: [], probability: 1 }), events });
    assert.match(text, /nothing in this session called for a closer look/);
  });

  it('keeps to the width, and to harmless characters', () => {
    for (const width of [40, 64, 100, 250]) {
      for (const session of [...sampleSessions(), hostileSession()]) {
        for (const line of textOf(session, width).split('\n')) {
          assert.ok(textWidth(line) <= width, `${textWidth(line)} > ${width}: ${line}`);
          assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
        }
      }
    }
  });

  it('loses nothing of a sentence that is wrapped', () => {
    const { profile, events } = idleTimeoutSession();
    const link = `https://example.org/${'x'.repeat(300)}`;
    const remedy = { summary: 's', setting: null, value: null, file: null, link };
    const text = textOf({ profile: withCause(profile, { remedy }), events }, 60);
    assert.ok(text.replaceAll(/\n */g, '').includes(link));
  });

  it('uses the zone for every time', () => {
    const text = textOf(idleTimeoutSession(), 100, 'UTC-03:30');
    assert.match(text, /2026-03-17 04:42:41\.118/);
    assert.match(text, /^ {2}04:43:54\.222 {2}haproxy/m);
  });

  it('does not fall over a profile with nothing in it', () => {
    const { profile } = unexplainedSession();
    const empty: Profile = {
      ...profile,
      event: { ...profile.event, start: 'x', end: 'y' },
      host: { name: null },
      server: { ip: null, port: null },
      client: { ip: null },
      source: { ip: null, port: null },
      imapwhy: { ...profile.imapwhy, phases: [], events: [], stalled_in: null },
    };
    assert.match(textOf({ profile: empty, events: [] }), /an unknown address to an unknown server/);
  });
});
