/** imapwhy send and imapwhy dlq, as a person runs them, on a real Kafka. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { toDeadLetter } from '../../ingest/kafka/dead-letter.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { ConsumedRecord, Kafka } from '../../ingest/kafka/port.ts';
import { readRawRecord } from '../../ingest/kafka/raw-record.ts';
import { command, type Finished } from './command.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { fresh } from './kafka-clients.ts';
import { until } from './until.ts';

const repository = join(import.meta.dirname, '..', '..');
let server: KafkaServer;
let kafka: Kafka;
let folder = '';
before(async () => {
  server = await startKafka();
  kafka = kafkajsKafka({ brokers: server.brokers, clientId: 'imapwhy-test' });
  folder = await mkdtemp(join(tmpdir(), 'imapwhy-send-'));
});
after(async () => {
  await kafka.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const environment = { IMAPWHY_KEY: 'for this test only' };
const imapwhy = (...args: readonly string[]): Promise<Finished> =>
  command(process.execPath, ['cli/main.ts', ...args], { cwd: repository, env: environment });
const broker = (): readonly string[] => ['--brokers', server.brokers.join(',')];
const line = (i: number): string =>
  `Nov 24 03:${String(Math.floor(i / 60) % 60).padStart(2, '0')}:${String(i % 60).padStart(2, '0')} mx1 dovecot: imap-login: Login: user=<user${i}@example.org>, method=PLAIN, rip=203.0.113.${i % 250}, lip=198.51.100.1, mpid=${i}, TLS, session=<s${i}>\n`;
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => line(from + i)).join('');

async function readAll(topic: string): Promise<readonly ConsumedRecord[]> {
  const records: ConsumedRecord[] = [];
  const reading = await kafka.read(
    { topic },
    {
      records: (_, more) => void records.push(...more),
      failed: (error) => {
        throw error;
      },
    },
  );
  await reading.caughtUp;
  return records;
}

describe('imapwhy send', () => {
  test('each line once, with its identity, in order, in the topic of its family; a file that has grown is sent from there', async () => {
    const prefix = fresh('send');
    const file = join(folder, 'mail.log');
    await writeFile(file, lines(0, 3_000));
    const args = [
      'send',
      '--to',
      'kafka',
      ...broker(),
      '--topic-prefix',
      prefix,
      '--partitions',
      '3',
      '--year',
      '2026',
      file,
    ];
    const first = await imapwhy(...args);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^3,000 records of 1 sources sent\n +3,000 {2}send-.*\.raw\.mail\n$/);
    await appendFile(file, lines(3_000, 3_500));
    const second = await imapwhy(...args);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /^500 records of 1 sources sent, 3,000 were there already/);
    assert.match(second.stderr, /was sent up to byte \d+; going on there/);
    const topic = `${prefix}.raw.mail`;
    const read = (await readAll(topic)).map((record) => readRawRecord(record, { topic, partition: 0 }));
    assert.deepEqual(read.map((raw) => `${raw?.text}\n`).join(''), lines(0, 3_500));
    let offset = 0;
    for (const raw of read) {
      assert.deepEqual([raw?.identity, raw?.offset, raw?.source], ['producer', offset, file]);
      offset += (raw?.text.length ?? 0) + 1;
    }
    assert.equal(new Set(read.map((raw) => raw?.fingerprint)).size, 1);
  });

  test('killed in the middle and started again: none is missing, none is there twice', async () => {
    const prefix = fresh('killed');
    const file = join(folder, 'long.log');
    await writeFile(file, lines(0, 60_000));
    const args = ['cli/main.ts', 'send', '--to', 'kafka', ...broker(), '--topic-prefix', prefix, file];
    const topic = `${prefix}.raw.mail`;
    for (const after of [5_000, 20_000]) {
      const child = spawn(process.execPath, args, {
        cwd: repository,
        env: { ...process.env, ...environment },
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      await until(
        'some are there',
        async () => ((await kafka.describeTopics([topic])).get(topic)?.[0]?.end ?? 0) > after,
      );
      child.kill('SIGKILL');
      await ended;
    }
    const last = await imapwhy(...args.slice(1));
    assert.equal(last.code, 0, last.stderr);
    assert.match(last.stdout, /were there already/);
    assert.equal((await readAll(topic)).map(({ value }) => `${value}\n`).join(''), lines(0, 60_000));
  });

  test('says what is wrong, and how it ended', async () => {
    const file = join(folder, 'one.log');
    await writeFile(file, line(1));
    const nowhere = await imapwhy('send', '--to', 'kafka', '--brokers', '127.0.0.1:1', file);
    assert.deepEqual([nowhere.code, nowhere.stdout], [1, '']);
    assert.match(nowhere.stderr, /ECONNREFUSED 127\.0\.0\.1:1; check the addresses/);
    assert.doesNotMatch(nowhere.stderr, /\n {4}at /);
    for (const args of [
      ['--to', 'rabbit', ...broker(), file],
      ['--to', 'kafka', file],
      ['--to', 'kafka', '--brokers', 'http://x', file],
      ['--to', 'kafka', '--config', join(folder, 'none.yml'), file],
      ['--to', 'kafka', ...broker(), '--partitions', '0', file],
    ])
      assert.equal((await imapwhy('send', ...args)).code, 2, args.join(' '));
    const missing = await imapwhy(
      'send',
      '--to',
      'kafka',
      ...broker(),
      '--topic-prefix',
      fresh('none'),
      join(folder, 'none.log'),
    );
    assert.equal(missing.code, 1);
  });
});

describe('imapwhy dlq', () => {
  const prefix = fresh('dlq');
  const topic = `${prefix}.raw.mail`;
  const dead = `${topic}.dlq`;

  before(async () => {
    await kafka.createTopics([
      { topic, partitions: 2 },
      { topic: dead, partitions: 1 },
    ]);
    const letter = (offset: number, code: string, value: string) =>
      toDeadLetter(
        {
          offset,
          timestamp: 1_764_000_000_000,
          key: Buffer.from('k'),
          value: Buffer.from(value),
          headers: new Map([['imapwhy.offset', Buffer.from('7')]]),
        },
        { topic, partition: 1 },
        { code, stage: 'parse', errorClass: 'Error', message: 'given password: hunter2 \u001b[31mred' },
        '0.2.0',
      );
    const producer = await kafka.producer();
    await producer.send([
      letter(3, 'handler_failed', 'Password mismatch (given password: hunter2)\u001b]0;title\u0007'),
      letter(4, 'mapping_conflict', 'second'),
      letter(5, 'handler_failed', 'third'),
      { topic: dead, key: null, value: Buffer.from('from nowhere') },
    ]);
    await producer.close();
  });
  const dlq = (...args: readonly string[]): Promise<Finished> =>
    imapwhy('dlq', ...args, ...broker(), '--topic-prefix', prefix);

  test('list and show tell why, without secrets and without what a terminal would obey', async () => {
    const all = await dlq('list');
    assert.equal(all.stdout.trim().split('\n').length, 4, all.stderr);
    assert.match(all.stdout, new RegExp(`${dead}/0/1 .* attempt 1 .*mapping_conflict`));
    assert.equal((await dlq('list', '--code', 'handler_failed')).stdout.trim().split('\n').length, 2);
    const shown = await dlq('show', `${dead}/0/0`);
    assert.match(shown.stdout, new RegExp(`from +${topic}/1/3`));
    for (const { stdout } of [all, shown]) {
      assert.match(stdout, /\[secret:/);
      assert.doesNotMatch(stdout, /hunter2|[\u0000-\u0009\u000b-\u001f]/);
    }
    const json = await dlq('list', '--json', '--code', 'mapping_conflict');
    assert.equal(JSON.parse(json.stdout).place, `${dead}/0/1`);
    assert.equal((await dlq('show', `${dead}/0/99`)).code, 1);
    assert.equal((await dlq('show', 'elsewhere')).code, 2);
  });

  test('replay sends each to where it came from, once', async () => {
    const one = await dlq('replay', `${dead}/0/1`);
    assert.equal(one.stdout, '1 sent again\n', one.stderr);
    const [two, three] = await Promise.all([dlq('replay'), dlq('replay', '--code', 'handler_failed')]);
    const rest = await dlq('replay');
    assert.equal(rest.stdout, '0 sent again, 3 were before\n');
    assert.match(rest.stderr, /1 do not say which topic/);
    const back = (await readAll(topic)).map(({ value, headers }) => [String(value).slice(0, 8), [...headers.keys()]]);
    const headers = ['imapwhy.offset', 'imapwhy.dlq.attempt'];
    assert.deepEqual(
      back.toSorted(),
      [
        ['Password', headers],
        ['second', headers],
        ['third', headers],
      ].toSorted(),
      `${two.stdout}${two.stderr}${three.stdout}${three.stderr}`,
    );
    assert.equal((await dlq('list')).stdout.trim().split('\n').length, 1);
    assert.equal((await dlq('list', '--all')).stdout.trim().split('\n').length, 4);
  });
});
