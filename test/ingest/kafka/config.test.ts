import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as v from 'valibot';
import { kafkaConnection, kafkaSection } from '../../../ingest/kafka/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'imapwhy-config-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const connection = (section: unknown, environment = {}) => kafkaConnection(v.parse(kafkaSection, section), environment);
const brokers = ['kafka-1.example.org:9092', '[2001:db8::1]:9093'];

test('the shortest section', async () => {
  assert.deepEqual(await connection({ brokers }), { brokers, clientId: 'imapwhy', compression: 'zstd' });
});

test('TLS with files, SASL with a password from the environment or a file', async () => {
  const ca = file('ca.pem', '-----BEGIN CERTIFICATE-----\n');
  const sasl = { mechanism: 'scram-sha-512', username: 'imapwhy', password_env: 'KAFKA_PASSWORD' };
  const made = await connection({ brokers, tls: { ca }, sasl }, { KAFKA_PASSWORD: 'hush' });
  assert.deepEqual(made.tls, { ca: '-----BEGIN CERTIFICATE-----\n', insecure: false });
  assert.deepEqual(made.sasl, { mechanism: 'scram-sha-512', username: 'imapwhy', password: 'hush' });
  const fromFile = { mechanism: 'plain', username: 'imapwhy', password_file: file('password', 'hush hush\n') };
  assert.equal((await connection({ brokers, tls: true, sasl: fromFile })).sasl?.password, 'hush hush');
});

const wrong: readonly (readonly [what: string, section: object, message: RegExp])[] = [
  ['no broker', { brokers: [] }, /names no broker/],
  ['a URL', { brokers: ['kafka://x:1'] }, /HOST:PORT/],
  ['a port', { brokers: ['x:65536'] }, /65535/],
  ['an unknown word', { brokers, passwort: 'x' }, /passwort/],
  [
    'a password in the file itself',
    { brokers, sasl: { mechanism: 'plain', username: 'u', password: 'x' } },
    /password/,
  ],
  ['no password', { brokers, sasl: { mechanism: 'plain', username: 'u' } }, /password_env or by password_file/],
  [
    'a variable that is not set',
    { brokers, sasl: { mechanism: 'plain', username: 'u', password_env: 'NONE' } },
    /NONE is not set/,
  ],
  ['a file that is not there', { brokers, tls: { ca: join(folder, 'none') } }, /kafka.tls.ca: .*ENOENT/],
  ['half a pair', { brokers, tls: { cert: 'x' } }, /belong together/],
  ['a mechanism that is none', { brokers, sasl: { mechanism: 'md5', username: 'u' } }, /scram-sha-256/],
];
for (const [what, section, message] of wrong)
  test(`refuses ${what}`, async () => {
    await assert.rejects(async () => connection(section), message);
  });

test('refuses a certificate that is none', async () => {
  await assert.rejects(connection({ brokers, tls: { ca: file('der', '\u0030\u0082') } }), /holds no PEM/);
});
