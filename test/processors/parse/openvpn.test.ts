import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ParseStage } from '../../../processors/parse/index.ts';
import { openvpnLog, openvpnStatus } from '../../../processors/parse/openvpn.ts';
import { parseEndpoint } from '../../../processors/parse/openvpn-address.ts';
import { UTC } from '../../../processors/time.ts';
import { surviveHostileLines } from './hostile-lines.ts';
import { sourceGolden } from './source-golden.ts';

sourceGolden(openvpnLog);
sourceGolden(openvpnStatus);
surviveHostileLines(openvpnLog);
surviveHostileLines(openvpnStatus);

test('no secret of a control or management message gets into an event', () => {
  const folder = join(import.meta.dirname, '../../golden/openvpn');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ndjson'))) {
    const answers = readFileSync(join(folder, name), 'utf8');
    for (const secret of ['not-for-the-log', 'auth-token ', 'YW5uYQ', 'Om01u7Fh4LrGBS7']) {
      assert.ok(!answers.includes(secret), `${name} holds ${secret}`);
    }
  }
});

test('endpoints as 2.3 to 2.7 print them', () => {
  const read = (text: string): string => {
    const endpoint = parseEndpoint(text);
    return endpoint === undefined ? 'none' : `${endpoint.ip} ${endpoint.port ?? '-'}`;
  };
  assert.equal(read('192.0.2.1:1194'), '192.0.2.1 1194');
  assert.equal(read('192.0.2.1'), '192.0.2.1 -');
  assert.equal(read('[AF_INET]192.0.2.1:1194'), '192.0.2.1 1194');
  assert.equal(read('[AF_INET6]2001:db8::1:1194'), '2001:db8::1 1194');
  assert.equal(read('[AF_INET6]::ffff:192.0.2.1:1194'), '192.0.2.1 1194');
  assert.equal(read('[2001:db8::1]:1194'), '2001:db8::1 1194');
  assert.equal(read('[fe80::1%eth0]:1194'), 'fe80::1 1194');
  assert.equal(read('2001:db8::1'), '2001:db8::1 -');
  assert.equal(read('udp4:192.0.2.1:1194'), '192.0.2.1 1194');
  assert.equal(read('tcp6-server:[2001:db8::1]:1194'), '2001:db8::1 1194');
  for (const none of [
    '',
    ':',
    '192.0.2.1:',
    '192.0.2.1:x',
    '192.0.2.1:99999',
    '192.0.2.300:1',
    '02:00:5e:10:00:07',
    '[AF_UNSPEC]',
  ]) {
    assert.equal(read(none), 'none', none);
  }
});

test('a stamp alone is that of many programs: their lines are left to others', () => {
  const stage = new ParseStage();
  const source = { index: 0, name: 'some.log', fingerprint: 'some', modifiedAt: undefined };
  stage.open(source, UTC, Date.UTC(2026, 10, 24));
  const foreign = [
    '2026-11-24 03:24:12 status half-configured libc6:amd64 2.36-9',
    '2026-11-24 03:24:13 upgrade example-tools:all 1.0 1.1',
    '2026-11-24 03:24:14 startup archives unpack',
    '2026-11-24 03:24:15 INFO a service says something',
    '2026-11-24 03:24:16 [4711] LOG:  checkpoint starting',
  ];
  const own = '2026-11-24 03:24:17 library versions: OpenSSL 3.0.17, LZO 2.10';
  const records = [...foreign, own].map((text, offset) => ({ text, offset }));
  const datasets = stage.push(source, records).map((e) => e.dataset);
  assert.deepEqual(datasets, [...foreign.map(() => 'unparsed'), 'openvpn.log']);
});
