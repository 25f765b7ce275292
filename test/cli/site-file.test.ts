import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checked, readRunConfig } from '../../cli/run-config.ts';
import { knownAddresses, readSiteFile } from '../../cli/site-file.ts';
import { UseError } from '../../cli/use-error.ts';
import { idleSession, refusedLogin, sessionId, stamp } from './lines.ts';
import { at, imapwhy, workplace } from './run.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imapwhy-site-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, 'site.yml');
  await writeFile(path, text);
  return path;
}

describe('a site file', () => {
  test('names addresses and ranges', async () => {
    const known = readSiteFile(
      await file('own_networks: [10.0.0.0/8, "2001:db8::/32"]\ntrusted_proxies:\n  - 192.0.2.10\nmonitors: []\n'),
    );
    assert.equal(known.network('10.1.2.3'), '10.0.0.0/8');
    assert.ok(known.isOwn('2001:db8:7::1'));
    assert.ok(known.isProxy('192.0.2.10'));
  });

  test('is refused with the line of what is wrong', async () => {
    for (const [text, told] of [
      ['own_networks:\n  - 10.0.0.0/8\n  - 10.0.0.300\n', /line 3: own_networks\.1: is no address/],
      ['own_networks:\n  - 10.0.0.0/40\n', /line 2: own_networks\.0: has a length/],
      ['own_networks:\n  - 10.0.0.1/8\n', /line 2: own_networks\.0: has bits beyond its length/],
      ['monitors: [0.0.0.0/0]\n', /line 1: monitors\.0: holds every address/],
      ['monitors: [1.5]\n', /line 1: monitors\.0: is no address/],
      ['monitors: 192.0.2.1\n', /line 1: monitors: is no list/],
      ['\nmonitor: [192.0.2.1]\n', /line 2: monitor: /],
      ['__proto__: { monitors: [192.0.2.1] }\n', /__proto__/],
      ['monitors: [192.0.2.1]\nmonitors: [192.0.2.2]\n', /is no YAML: Map keys must be unique at line 2/],
      ['monitors:\n  - 192.0.2.1\n  - 192.0.2.1/32\n', /line 3: monitors\.1: 192\.0\.2\.1\/32 is named twice/],
      [
        'trusted_proxies: [192.0.2.1]\nmonitors: [192.0.2.1]\n',
        /line 2: monitors\.0: 192\.0\.2\.1 is among trusted_proxies too/,
      ],
      ['monitors: [192.0.2.1\n', /is no YAML/],
      ['- 192.0.2.1\n', /has no sections/],
      ['', /has no sections/],
      [`a: &a [x]\n${'b: [*a]\n'.repeat(2)}`, /is no YAML/],
      [`monitors:\n${'  - 192.0.2.1\n'.repeat(50_001)}`, /more than 50000 entries/],
      [`monitors:\n${'  - nothing\n'.repeat(40)}`, /and 35 more/],
    ] as const) {
      const path = await file(text);
      assert.throws(
        () => readSiteFile(path),
        (error) => error instanceof UseError && told.test(error.message),
        text.slice(0, 80),
      );
    }
    assert.throws(() => readSiteFile(join(folder, 'none.yml')), /--site .*none\.yml: cannot be read \(ENOENT\)/);
    assert.throws(() => readSiteFile(folder), /cannot be read \(EISDIR\)/);
    const huge = await file(`# ${'x'.repeat(17 << 20)}\n`);
    assert.throws(() => readSiteFile(huge), /larger than 16 MiB/);
  });

  test('stands in the configuration of the service as section site', async () => {
    const config = { kafka: { brokers: ['127.0.0.1:9092'] }, roles: ['correlate'], inputs: [{ topic: 'a' }] };
    const { site } = checked({ ...config, site: { monitors: ['192.0.2.1'] } }, 'test');
    assert.equal(knownAddresses(site).apartAs('192.0.2.1'), 'health_check');
    const path = await file(
      'kafka: { brokers: ["127.0.0.1:9092"] }\nroles: [correlate]\ninputs: [{ topic: a }]\nsite:\n  monitors: [nobody]\n',
    );
    assert.throws(() => readRunConfig(path), /line 5: site\.monitors\.0: is no address/);
  });
});

test('analyze --site: monitors and known scanners are counted apart, an own network is one network', async (t) => {
  const start = Date.UTC(2026, 10, 24, 4);
  const place = workplace(t);
  const check = (n: number): string => {
    const begun = start + n * 31_000 + ((n * n * 7919) % 9000); // no rhythm that could be recognised
    return `${stamp(begun + 9000)} mx1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 9 secs): user=<>, rip=192.0.2.50, lip=192.0.2.1, session=<${sessionId(begun, 41_000 + n, '192.0.2.50')}>\n`;
  };
  const log = place.write(
    'mail.log',
    [
      ...Array.from({ length: 12 }, (_, n) => check(n)),
      ...Array.from({ length: 12 }, (_, n) =>
        refusedLogin({ at: start + 5000 + n * 700, user: `user${n}`, ip: '198.51.100.66', port: 42_000 + n }),
      ),
      ...[1, 3].map((n) =>
        idleSession({ at: start + n, user: `user${n}`, ip: `10.20.${n}.5`, port: 43_000, silence: 1800 }).replace(
          /Connection closed \(.*?\)/,
          'Inactivity - no input for 1800 secs',
        ),
      ),
    ].join(''),
  );
  const site = place.write(
    'site.yml',
    'own_networks: [10.20.0.0/22]\nknown_scanners: [198.51.100.64/28]\nmonitors: [192.0.2.50]\n',
  );
  const summaries: unknown[] = [];
  const documents: (readonly unknown[])[] = [];
  const incidents: (readonly unknown[])[] = [];
  for (const args of [[log], [log, '--site', site]]) {
    const done = await place.analyze([...args, '--json']);
    assert.equal(done.code, 0, done.stderr);
    summaries.push(JSON.parse(done.stdout));
    documents.push(place.documents('profiles'));
    incidents.push(place.documents('incidents'));
    await rm(place.out, { recursive: true });
  }
  const [before, now] = summaries;
  assert.equal(at(before, 'counts.health_checks'), 0);
  assert.equal(at(before, 'counts.known_scanners'), 0);
  assert.equal(at(now, 'counts.health_checks'), 12);
  assert.equal(at(now, 'counts.known_scanners'), 12);
  assert.equal(at(now, 'counts.legitimate'), 2);
  const of = (n: number, ip: string): readonly unknown[] =>
    (documents[n] ?? []).filter((p) => at(p, 'source.ip') === ip);
  assert.ok(of(0, '198.51.100.66').some((p) => at(p, 'imapwhy.cause.label') === 'security.attack'));
  for (const [ip, tag] of [
    ['198.51.100.66', 'known_scanner'],
    ['192.0.2.50', 'health_check'],
  ] as const) {
    assert.equal(of(1, ip).length, 12);
    for (const p of of(1, ip)) {
      assert.deepEqual(at(p, 'tags'), [tag]);
      assert.equal(at(p, 'imapwhy.cause.label'), 'none');
    }
  }
  assert.ok((incidents[0] ?? []).length > 0);
  assert.deepEqual(
    (incidents[1] ?? []).filter((i) => String(at(i, 'imapwhy.incident.scope')).includes('198.51.100')),
    [],
  );
  assert.match(JSON.stringify(at(now, 'worst.networks')), /10\.20\.0\.0\/22/);
});

test('a site file that cannot be used is wrong use', async () => {
  const done = await imapwhy(['analyze', '-', '--site', await file('monitors: [x]\n')]);
  assert.equal(done.code, 2);
  assert.match(done.stderr, /line 1: monitors\.0: is no address/);
});
