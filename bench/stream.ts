/**
 * npm run bench:stream [-- DOCUMENTS] [--functions]: what a document costs on its way from a raw Kafka record to an acknowledged bulk item, on a real broker and a real index that share
 * the machine with us; how near the service comes to what the index takes at most; how long a line takes until a search finds it; and what it costs to let
 * Elasticsearch parse (grok) instead. Writes bench/stream-results.md.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChildServer, startChild } from '../test/servers/child-server.ts';
import { startImapwhy } from '../test/servers/imapwhy-process.ts';
import { type SampleTopic, sampleTopics } from '../test/servers/streaming-sample.ts';
import { until } from '../test/servers/until.ts';
import { enlarge } from './enlarge.ts';
import { bodiesOf, documentsOf, postAll } from './stream/bulk-ceiling.ts';
import { GROK_PIPELINE } from './stream/grok.ts';
import { type Latencies, latencies, quantile } from './stream/latency.ts';
import { type StageCpu, stageCpu } from './stream/stage-cpu.ts';
import {
  allIndexed,
  atRest,
  bytesByTopic,
  type Cpu,
  cpuNow,
  indexedIn,
  memoryOf,
  sendPart,
  startStreamWorld,
} from './stream/stream-world.ts';
import { lessThreads, type ThreadCpu, threadCpu } from './stream/thread-cpu.ts';

const { values, positionals } = parseArgs({
  options: { functions: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const COUNT = Number(positionals[0] ?? 150_000);
if (!(COUNT >= 10_000)) {
  process.stderr.write('usage: npm run bench:stream [-- DOCUMENTS] [--functions]; at least 10000 documents\n');
  process.exit(2);
}
/** Of all lines: those that warm the programs up, those that are counted, those of the half load; the rest is profiled. */
const WARM = 0.25;
const COUNTED = 0.75;
const HALF_LOAD = 0.9;

/** What so many documents cost. */
interface Measured {
  readonly documents: number;
  readonly seconds: number;
  readonly cpu: Cpu;
}

const folder = await mkdtemp(join(tmpdir(), 'imapwhy-bench-stream-'));
process.once('SIGINT', () => process.exit(130));
process.on('exit', () => say('done'));
const world = await startStreamWorld();
try {
  say('servers are up');
  enlarge(COUNT * 3, join(folder, 'all'));
  const topics = await sampleTopics('bench', join(folder, 'all'));
  const whole = await measureWhole(topics);
  enlarge(COUNT * 2, join(folder, 'mail'), ' dovecot: ');
  const mail = await sampleTopics('mail', join(folder, 'mail'));
  const parsing = await measureParsing(mail);
  const text = page(whole, parsing);
  await writeFile(join(import.meta.dirname, 'stream-results.md'), text);
  process.stdout.write(text);
  if (values.functions)
    for (const { name, seconds } of whole.stages.functions.slice(0, 60))
      process.stdout.write(`${mainMicros(whole, seconds).toFixed(2).padStart(8)}  ${name}\n`);
} finally {
  await world.close();
  await rm(folder, { recursive: true, force: true });
}

interface Whole {
  readonly service: Measured;
  readonly ceiling: Measured;
  readonly stages: StageCpu;
  readonly threads: ThreadCpu;
  readonly latency: Latencies;
  readonly memory: { readonly now: number; readonly peak: number };
  readonly documentBytes: number;
  /** Through Kafka, for each document, by topic. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** Microseconds a document of what had so many seconds in the profile: the profile only says how the main thread's CPU divides. */
function mainMicros({ stages, threads, service }: Whole, seconds: number): number {
  const sampled = [...stages.seconds.values()].reduce((all, one) => all + one, 0);
  return ((threads.main * seconds) / sampled / service.documents) * 1e6;
}

/** All roles in one process, between two measurements of the ceiling. */
async function measureWhole(topics: readonly SampleTopic[]): Promise<Whole> {
  const documents = documentsOf(topics);
  const [warm, counted] = [documents.upTo(WARM), documents.upTo(COUNTED)];
  const lines = documents.lines.slice(warm, counted);
  const documentBytes = lines.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / lines.length;
  say(`${lines.length} documents to be counted, ${Math.round(documentBytes)} bytes each`);
  await measureCeiling(lines, 'warm');
  const first = await measureCeiling(lines, 'raw1');
  const profile = join(folder, 'whole.cpuprofile');
  process.env.IMAPWHY_BENCH_PROFILE = profile;
  const service = await startImapwhy(configOf('bench', topics, ['parse', 'correlate', 'index']), {
    folder,
    name: 'whole',
    nodeArguments: ['--import', join(import.meta.dirname, 'stream', 'profile-by-signal.ts')],
  });
  await sendPart(world.producer, topics, 0, WARM);
  await allIndexed(world, 'logs-imapwhy.*-bench', warm);
  await atRest(world, service.pid);
  const threadsBefore = await threadCpu(service.pid);
  const measured = await measureBacklog(service, 'bench', counted - warm, () =>
    sendPart(world.producer, topics, WARM, COUNTED),
  );
  const threads = lessThreads(await threadCpu(service.pid), threadsBefore);
  say('the service is measured');
  const second = await measureCeiling(lines, 'raw2');
  const rate = service.pid > 0 ? measured.documents / measured.seconds / 2 : 0;
  const known = new Set(documents.lines.map(({ id }) => id));
  const latency = await latencies(world, 'bench', topics, {
    from: COUNTED,
    upTo: HALF_LOAD,
    perSecond: rate,
    isDocument: (id) => known.has(id),
  });
  say('the half load is measured');
  const memory = await memoryOf(service.pid);
  await atRest(world, service.pid);
  service.signal('SIGUSR2');
  await measureBacklog(service, 'bench', documents.lines.length - documents.upTo(HALF_LOAD), () =>
    sendPart(world.producer, topics, HALF_LOAD, 1),
  );
  service.signal('SIGUSR2');
  await until('the profile', async () => (await readdir(folder)).includes(basename(profile)));
  await service.stop('SIGTERM');
  const bytes = await bytesByTopic(world, 'bench.');
  return {
    service: measured,
    threads,
    ceiling: sum(first, second),
    stages: await stageCpu(profile),
    latency,
    memory,
    documentBytes,
    bytes: new Map([...bytes].map(([topic, n]) => [topic, n / documents.lines.length])),
  };
}

async function measureCeiling(lines: ReturnType<typeof documentsOf>['lines'], namespace: string): Promise<Measured> {
  const bodies = bodiesOf(lines, namespace);
  const before = await cpuNow(world, process.pid);
  const beganAt = performance.now();
  await postAll(world.index.url, bodies);
  const seconds = (performance.now() - beganAt) / 1000;
  const cpu = less(await cpuNow(world, process.pid), before);
  say(`ceiling: ${Math.round(lines.length / seconds)} documents/s`);
  return { documents: lines.length, seconds, cpu };
}

/** The process is held while a backlog is written, and then let go. Its time ends with the last document, its CPU when it rests. */
async function measureBacklog(
  service: ChildServer,
  namespace: string,
  documents: number,
  send: () => Promise<void>,
): Promise<Measured> {
  const pattern = `logs-imapwhy.*-${namespace}`;
  const there = await indexedIn(world, pattern);
  service.signal('SIGSTOP');
  await send();
  const before = await cpuNow(world, service.pid);
  const beganAt = performance.now();
  service.signal('SIGCONT');
  await allIndexed(world, pattern, there + documents);
  const seconds = (performance.now() - beganAt) / 1000;
  await atRest(world, service.pid);
  const cpu = less(await cpuNow(world, service.pid), before);
  say(`${namespace}: ${Math.round(documents / seconds)} documents/s`);
  return { documents, seconds, cpu };
}

interface Parsing {
  readonly ours: Measured;
  readonly grok: Measured;
  readonly understood: number;
}

/**
 * Who parses: we (without correlation), or Elasticsearch. The same lines under the same ids, Kafka in front of both. Both run all the time and take turns (ours, theirs, theirs,
 * ours), so that neither is the one for which the servers were warmer.
 */
async function measureParsing(topics: readonly SampleTopic[]): Promise<Parsing> {
  const documents = documentsOf(topics);
  const index = 'logs-imapwhy.dovecot-grok';
  const answer = await world.request('PUT', `/_ingest/pipeline/${index}`, GROK_PIPELINE);
  if (answer.status !== 200) throw new Error(`the pipeline was refused: ${JSON.stringify(answer.body)}`);
  const renamed = topics.map(({ topic, records }) => ({
    topic: `grok.${topic}`,
    records: records.map((r) => ({ ...r, topic: `grok.${topic}` })),
  }));
  await world.kafka.createTopics(renamed.map(({ topic }) => ({ topic, partitions: 1 })));
  const service = await startImapwhy(configOf('mail', topics, ['parse', 'index']), { folder, name: 'parsing' });
  const shipper = await startShipper(
    renamed.map(({ topic }) => topic),
    index,
  );
  const ours = { service, namespace: 'mail', topics, pattern: 'logs-imapwhy.*-mail' };
  const grok = { service: shipper, namespace: 'grok', topics: renamed, pattern: index };
  for (const side of [ours, grok]) {
    await sendPart(world.producer, side.topics, 0, WARM);
    await allIndexed(world, side.pattern, documents.upTo(WARM));
    await atRest(world, side.service.pid);
  }
  const MIDDLE = (1 + WARM) / 2;
  const turn = (side: typeof ours, from: number, to: number): Promise<Measured> =>
    measureBacklog(side.service, side.namespace, documents.upTo(to) - documents.upTo(from), () =>
      sendPart(world.producer, side.topics, from, to),
    );
  const ourFirst = await turn(ours, WARM, MIDDLE);
  const theirFirst = await turn(grok, WARM, MIDDLE);
  const theirSecond = await turn(grok, MIDDLE, 1);
  const ourSecond = await turn(ours, MIDDLE, 1);
  await Promise.all([service.stop('SIGTERM'), shipper.stop('SIGTERM')]);
  await world.request('POST', `/${index}/_refresh`);
  const found = await world.request('POST', `/${index}/_count`, { query: { exists: { field: 'process.pid' } } });
  const { count = 0 } = found.body as { count?: number };
  return {
    ours: sum(ourFirst, ourSecond),
    grok: sum(theirFirst, theirSecond),
    understood: count / documents.lines.length,
  };
}

function startShipper(topics: readonly string[], index: string): Promise<ChildServer> {
  const { broker, index: server } = world;
  const where = ['--brokers', broker.brokers.join(','), '--topics', topics.join(','), '--group', 'grok'];
  const program = join(import.meta.dirname, 'stream', 'grok.ts');
  return startChild(process.execPath, [program, ...where, '--url', server.url, '--index', index], {
    cwd: folder,
    log: join(folder, 'grok.log'),
    ready: 'shipping',
    timeoutMs: 60_000,
  });
}

function configOf(namespace: string, topics: readonly SampleTopic[], roles: readonly string[]): object {
  return {
    kafka: { brokers: world.broker.brokers, topic_prefix: namespace },
    elasticsearch: { nodes: [world.index.url], namespace },
    roles,
    correlation: roles.includes('correlate'),
    inputs: topics.map(({ topic }) => ({ topic })),
    partitions: 4,
    session_seconds: 120, // it is held while the backlog is written
    idle_seconds: 5, // hours pass in minutes: who waits for a source that says little waits for long
  };
}

function less(after: Cpu, before: Cpu): Cpu {
  return {
    own: after.own - before.own,
    broker: after.broker - before.broker,
    index: after.index - before.index,
  };
}

function sum(a: Measured, b: Measured): Measured {
  return {
    documents: a.documents + b.documents,
    seconds: a.seconds + b.seconds,
    cpu: { own: a.cpu.own + b.cpu.own, broker: a.cpu.broker + b.cpu.broker, index: a.cpu.index + b.cpu.index },
  };
}

function page(whole: Whole, { ours, grok, understood }: Parsing): string {
  const { service, ceiling, stages, threads, latency, memory, documentBytes, bytes } = whole;
  const micros = (seconds: number, { documents }: Measured): string => ((seconds / documents) * 1e6).toFixed(1);
  const rate = ({ documents, seconds }: Measured): string => Math.round(documents / seconds).toLocaleString('en');
  const row = (name: string, m: Measured): string =>
    `| ${name} | ${rate(m)} | ${micros(m.cpu.own, m)} | ${micros(m.cpu.broker, m)} | ${micros(m.cpu.index, m)} | ${micros(m.cpu.own + m.cpu.broker + m.cpu.index, m)} |`;
  const share = service.documents / service.seconds / (ceiling.documents / ceiling.seconds);
  const stageRows = [...stages.seconds]
    .sort((a, b) => b[1] - a[1])
    .map(([stage, seconds]) => `| ${stage} | ${mainMicros(whole, seconds).toFixed(1)} |`);
  const raw = [...bytes].filter(([topic]) => topic.includes('.raw.')).reduce((all, [, n]) => all + n, 0);
  const byteRows = [['raw topics', raw] as const, ...[...bytes].filter(([topic]) => !topic.includes('.raw.'))]
    .filter(([, n]) => n >= 1)
    .map(([topic, n]) => `| ${topic.replace('bench.', '')} | ${Math.round(n).toLocaleString('en')} |`);
  const ms = (list: readonly number[], q: number): string => Math.round(quantile(list, q)).toLocaleString('en');
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const cpuOf = ({ cpu, documents }: Measured): number => (cpu.own + cpu.broker + cpu.index) / documents;
  return `# The streaming service, measured

Written by \`npm run bench:stream\` on ${new Date().toISOString().slice(0, 10)}: Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, shared by the service, the broker, Elasticsearch and whoever else uses the machine (load ${(loadavg()[0] ?? 0).toFixed(1)} at the end).
Lines are copies of samples/lab-a. CPU is user plus system time of all threads; a document is one line, ${Math.round(documentBytes)} bytes as JSON. All programs were warmed up with ${Math.round((WARM / (COUNTED - WARM)) * 100)} % as many lines before.

## From raw record to acknowledged bulk item

${service.documents} lines of all sources, all roles in one process, from a backlog; the correlation is in it. Whoever parses and indexes sends events straight to the index.

| | documents/s | own CPU, us/document | broker | Elasticsearch | all |
| --- | --- | --- | --- | --- | --- |
${row('bulk ceiling: bodies serialised before, answers not read', ceiling)}
${row('the service', service)}

By the clock: ${(share * 100).toFixed(0)} % of the ceiling, which has both cores for Elasticsearch alone (target 75 %). Own CPU: target 15 us. On a machine with other work, clocks and even CPU say little by themselves: compare the rows of one table.

| stage | CPU, us/document |
| --- | --- |
${stageRows.join('\n')}
| V8 beside them: garbage, compiling | ${micros(threads.v8, service)} |
| packing and unpacking (libuv) | ${micros(threads.pool, service)} |

The CPU above, by thread; that of the main thread divided as its samples are in a profile of the last tenth of the lines, also from a backlog (they count too while it waits for a core, which is mostly where it writes to sockets). "Kafka client" is encoding, decoding, checksums and sockets of all stages.
Much of what V8 does beside us is compiling: the programs are young, and so is the broker's JVM.

| topic | bytes/document, before they are packed (zstd) |
| --- | --- |
${byteRows.join('\n')}

## Latency at half load

${Math.round(latency.perSecond).toLocaleString('en')} lines/s, ${latency.searchable.length} of them looked for every 50 ms. The index makes documents searchable every two seconds.

| from a line that is sent | median, ms | p99, ms |
| --- | --- | --- |
| to a search that finds it | ${ms(latency.searchable, 0.5)} | ${ms(latency.searchable, 0.99)} |

Target: p99 below 5 s. Memory of the process under this load ${mib(memory.now)} (target 350 MB), at most so far, with the backlog, ${mib(memory.peak)}.

## Who parses

${ours.documents} lines of Dovecot under the same ids into the same mapping, Kafka in front of both, correlation left out on our side (\`correlation: false\`). The other side: a shipper that does nothing but pass lines on, and an ingest pipeline of grok patterns, which understood ${(understood * 100).toFixed(0)} % of the lines (bench/stream/grok.ts). Both took turns: ours, theirs, theirs, ours.

| | documents/s | client CPU, us/document | broker | Elasticsearch | all |
| --- | --- | --- | --- | --- | --- |
${row('imapwhy parses', ours)}
${row('Elasticsearch parses (grok)', grok)}

All CPU of ours by all CPU of theirs: ${(cpuOf(ours) / cpuOf(grok)).toFixed(2)} (target: below 1). What our client does and theirs does not: it understands the lines that the patterns leave, looks for secrets in each, and moves state and offset in one transaction.
`;
}

function say(text: string): void {
  process.stderr.write(`${text} (${Math.round(process.uptime())} s)\n`);
}
