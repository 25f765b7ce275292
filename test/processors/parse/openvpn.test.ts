import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openvpnLog, openvpnStatus } from '../../../processors/parse/openvpn.ts';
import { parseEndpoint } from '../../../processors/parse/openvpn-address.ts';
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
