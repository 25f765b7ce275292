/** What `docker compose up` would start. No engine here: the file is checked against itself and the repository; test/servers/compose.ts asks compose's own loader. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { readRunConfig } from '../../cli/run-config.ts';
import { RAW_FAMILIES } from '../../cli/send.ts';

const root = join(import.meta.dirname, '../..');

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
}

const compose: { readonly services: Readonly<Record<string, Service>> } = parse(
  readFileSync(join(root, 'docker-compose.yml'), 'utf8'),
  { merge: true },
);

describe('docker-compose.yml', () => {
  test('waits only for services that are there, and for health only where it is checked', () => {
    for (const [name, { depends_on = {} }] of Object.entries(compose.services))
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const needed = compose.services[other];
        assert.ok(needed, `${name} waits for ${other}`);
        if (condition === 'service_healthy') assert.ok(needed.healthcheck, `${other} has no health check`);
      }
  });

  test('names files that are there', () => {
    for (const { build, volumes = [] } of Object.values(compose.services)) {
      if (build) assert.ok(existsSync(join(root, build.context, build.dockerfile)));
      for (const volume of volumes) assert.ok(existsSync(join(root, volume.split(':')[0] ?? '')), volume);
    }
  });

  test('publishes on loopback only', () => {
    for (const { ports = [] } of Object.values(compose.services))
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  });

  test('has a configuration that reads all that `imapwhy send` writes', () => {
    const config = readRunConfig(join(root, 'deploy/docker/imapwhy.yml'));
    const topics = RAW_FAMILIES.map((family) => `${config.kafka.topic_prefix}.raw.${family}`);
    assert.deepEqual(config.inputs.map((i) => i.topic).sort(), topics.sort());
    const hosts = Object.keys(compose.services);
    for (const broker of config.kafka.brokers) assert.ok(hosts.includes(broker.split(':')[0] ?? ''), broker);
    for (const node of config.elasticsearch?.nodes ?? []) assert.ok(hosts.includes(new URL(node).hostname), node);
  });
});
