/**
 * npm run bench:stream-sessions [-- SESSIONS]: a process that correlates is started on a state of so many open sessions, as after a crash. How long until it works, what memory it takes then and under load
 * (more lines of a tenth of the sessions), on a real broker. The state is made by the same code that makes it in a worker. Writes bench/stream-sessions-results.md.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checked } from '../cli/run-config.ts';
import { readEventBatch, writeEvents } from '../cli/stream/messages.ts';
import { ParsePartition } from '../cli/stream/parse-partition.ts';
import { SessionsPartition } from '../cli/stream/sessions-partition.ts';
import { writeSessionsChanges } from '../cli/stream/sessions-state.ts';
import { prepareTopics, topicsOf } from '../cli/stream/topics.ts';
import { kafkajsKafka } from '../ingest/kafka/kafkajs/client.ts';
import type { RecordToSend } from '../ingest/kafka/port.ts';
import { DEFAULT_CORRELATE_OPTIONS } from '../processors/correlate/options.ts';
import { newRedaction } from '../processors/redact.ts';
import { UTC } from '../processors/time.ts';
import { TEST_KEY } from '../test/cli/stream/in-memory.ts';
import { cpuSeconds } from '../test/servers/child-server.ts';
import { logOf, startImapwhy } from '../test/servers/imapwhy-process.ts';
import { startOwnKafka } from '../test/servers/kafka.ts';
import { until } from '../test/servers/until.ts';
import { linesOf, START } from './open-session-lines.ts';
import { memoryOf } from './stream/stream-world.ts';

const SESSIONS = Number(process.argv[2] ?? 1_000_000);
const PARTITIONS = 4;
const BATCH = 1000;
const PREFIX = 'open';
const topics = topicsOf(PREFIX);

const folder = await mkdtemp(join(tmpdir(), 'imapwhy-stream-sessions-'));
const broker = await startOwnKafka({ forSpeed: true });
try {
  const kafka = kafkajsKafka({ brokers: broker.brokers, clientId: 'bench', compression: 'zstd' });
  const data = {
    kafka: { brokers: broker.brokers, topic_prefix: PREFIX },
    roles: ['correlate'],
    inputs: [{ topic: 'raw' }],
    partitions: PARTITIONS,
  };
  await prepareTopics(kafka, checked(data, 'bench'));
  const producer = await kafka.producer();
  const parser = new ParsePartition({
    topic: 'raw',
    partition: 0,
    partitions: PARTITIONS,
    zone: UTC,
    redaction: newRedaction(TEST_KEY),
  });
  const partitions = Array.from(
    { length: PARTITIONS },
    (_, partition) => new SessionsPartition({ partition, units: ['raw/0'], correlate: DEFAULT_CORRELATE_OPTIONS }),
  );
  let offset = 0;
  let bytes = 0;
  let record = 0;
  /** What a batch of the parse worker gives, by partition of sessions. */
  const eventsOf = (from: number, to: number): readonly (readonly Buffer[])[] => {
    const records = [];
    for (let i = from; i < to; i++)
      for (const text of linesOf(i % SESSIONS, SESSIONS)
        .trimEnd()
        .split('\n'))
        records.push({ offset: offset++, timestamp: START, text, origin: undefined });
    const { events } = parser.push(records, Number.POSITIVE_INFINITY);
    return events.map((some) => writeEvents(parser.progress(false), some));
  };
  for (let from = 0; from < SESSIONS; from += BATCH) {
    const out: RecordToSend[] = [];
    eventsOf(from, Math.min(SESSIONS, from + BATCH)).forEach((values, p) => {
      const partition = partitions[p];
      for (const value of values) {
        const batch = readEventBatch(value);
        if (batch) partition?.take(batch, record++);
      }
      partition?.advance();
      const changes = partition?.changes();
      if (!changes) return;
      // Nothing of `events` lies before them.
      for (const [key, value] of writeSessionsChanges({ ...changes, core: { ...changes.core, next: 0 } })) {
        const text = value === null ? null : Buffer.from(value);
        bytes += text?.length ?? 0;
        out.push({ topic: topics.sessionsState, partition: p, key: Buffer.from(key), value: text });
      }
    });
    await producer.send(out);
    if ((from / BATCH) % 100 === 0) say(`${from.toLocaleString('en')} sessions are written down`);
  }
  const open = partitions.reduce((sum, p) => sum + p.open, 0);
  partitions.length = 0;
  say(`${open.toLocaleString('en')} open sessions, ${Math.round(bytes / 2 ** 20)} MiB of state`);
  const beganAt = performance.now();
  const service = await startImapwhy(data, { folder, name: 'correlate' });
  await until(
    'the sessions are taken over',
    async () => (await readFile(logOf(folder, 'correlate'), 'utf8')).includes('sessions: took over'),
    300_000,
  );
  const seconds = (performance.now() - beganAt) / 1000;
  const cpu = (await cpuSeconds(service.pid)) ?? Number.NaN;
  await sleep(5000);
  const rest = await memoryOf(service.pid);
  say(`ready after ${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of CPU), ${mib(rest.now)}`);
  for (let from = 0; from < SESSIONS / 10; from += BATCH) {
    const out = eventsOf(from, from + BATCH).flatMap((values, partition) =>
      values.map((value) => ({ topic: topics.events, partition, key: null, value })),
    );
    await producer.send(out);
  }
  const group = `${PREFIX}.sessions`;
  const isRead = async (): Promise<boolean> => {
    await sleep(500);
    const ends = (await kafka.describeTopics([topics.events])).get(topics.events) ?? [];
    const committed = await kafka.committedOffsets(group, topics.events);
    return ends.every(({ partition, end }) => (committed.get(partition) ?? 0) >= end - 3);
  };
  await until('the events are read', isRead, 300_000);
  const loaded = await memoryOf(service.pid);
  await service.stop('SIGTERM');
  await kafka.close();
  const text = `# Open sessions in the stream

Written by \`npm run bench:stream-sessions${process.argv[2] === undefined ? '' : ` -- ${SESSIONS}`}\` on ${new Date().toISOString().slice(0, 10)}: Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, load ${(loadavg()[0] ?? 0).toFixed(1)} at the end.

| ${open.toLocaleString('en')} open sessions in ${PARTITIONS} partitions, four lines each, ${Math.round(bytes / 2 ** 20)} MiB of state | | target |
| --- | --- | --- |
| ready after the start of the process | ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of CPU | 30 s |
| memory, five seconds later | ${mib(rest.now)} | 1536 MiB |
| memory, after ${(Math.ceil(SESSIONS / 10 / BATCH) * BATCH * 4).toLocaleString('en')} more lines | ${mib(loaded.now)} | 1536 MiB |
| at most | ${mib(loaded.peak)} | |

On a machine that others use too, the seconds by the clock are theirs as well. A session at rest takes about 0.55 kB of heap, with the ways by which it is found, and 0.1 kB of packed bytes beside it; what is above that is what was read and not collected yet.
`;
  await writeFile(join(import.meta.dirname, 'stream-sessions-results.md'), text);
  process.stdout.write(text);
} finally {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
}

function mib(size: number): string {
  return `${Math.round(size / 2 ** 20)} MiB`;
}

function say(text: string): void {
  process.stderr.write(`${text} (${Math.round(process.uptime())} s)\n`);
}
