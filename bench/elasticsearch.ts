/**
 * npm run bench:elasticsearch [-- DOCUMENTS]: how much of what a cluster can take at most our writer reaches. The ceiling: bodies that were serialised before the clock starts, answers thrown away, four requests at once,
 * the same ids into the same mapping on the same server in the same run, in turns. Writes bench/elasticsearch-results.md.
 */
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { eventStream } from '../outputs/elasticsearch/bulk-document.ts';
import { openElasticsearch } from '../outputs/elasticsearch/elasticsearch.ts';
import type { EventDocument } from '../outputs/output.ts';
import { startElasticsearch } from '../test/servers/elasticsearch.ts';
import { configFor, installTemplates } from '../test/servers/elasticsearch-setup.ts';

const COUNT = Number(process.argv[2] ?? 200_000);
const ROUNDS = 4; // the first warms the server up and is not counted
const RAW_AT_ONCE = 4;
const BODY_BYTES = 4 * 1024 * 1024;

interface Measured {
  readonly documentsPerSecond: number;
  readonly serverMicros: number; // CPU a document
  readonly ownMicros: number;
}

/** A login line as an event: 15 fields, about 730 bytes. */
function eventOf(n: number): EventDocument {
  const at = new Date(Date.UTC(2026, 2, 17) + n * 7).toISOString();
  const user = `user${(n * 7919) % 5000}@example.org`;
  const ip = `198.18.${(n * 31) % 250}.${(n * 17) % 250}`;
  const original = `Mar 17 08:12:41 mx1 dovecot: imap-login: Login: user=<${user}>, method=PLAIN, rip=${ip}, lip=192.0.2.10, mpid=${n}, TLS, session=<q1Ab2fMqurHLAHEY>`;
  const document = {
    '@timestamp': at,
    ecs: { version: '9.4.0' },
    event: {
      id: `bench-${n}`,
      kind: 'event',
      category: ['authentication', 'session'],
      type: ['start'],
      dataset: 'dovecot.login',
      action: 'logged-in',
      outcome: 'success',
      original,
    },
    source: { ip, port: 1024 + (n % 60_000) },
    server: { ip: '192.0.2.10' },
    user: { name: user, domain: 'example.org' },
    network: { protocol: 'imap' },
    host: { name: 'mx1' },
    process: { pid: n % 65_536 },
    related: { ip: [ip, '192.0.2.10'], user: [user], hosts: ['mx1'] },
    tls: { established: true },
  };
  return { id: `bench-${n}`, session: undefined, document };
}

const server = await startElasticsearch({ own: true, heap: '1g', forSpeed: true });
try {
  await installTemplates(configFor(server.url));
  const rounds: { readonly raw: Measured; readonly writer: Measured }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const raw = await measureRaw(`raw${round}`);
    const writer = await measureWriter(`writer${round}`);
    process.stdout.write(
      `round ${round}: raw ${Math.round(raw.documentsPerSecond)}, writer ${Math.round(writer.documentsPerSecond)} documents/s\n`,
    );
    if (round > 0) rounds.push({ raw, writer });
  }
  await report(rounds);
} finally {
  await server.stop();
}

async function measureRaw(namespace: string): Promise<Measured> {
  const bodies: Buffer[] = [];
  let lines: string[] = [];
  let length = 0;
  const seal = (): void => {
    if (lines.length > 0) bodies.push(Buffer.from(lines.join('')));
    lines = [];
    length = 0;
  };
  for (let n = 0; n < COUNT; n++) {
    const { id, document } = eventOf(n);
    const text = `{"create":{"_index":"${eventStream('dovecot', namespace)}","_id":"${id}"}}\n${JSON.stringify(document)}\n`;
    if (length + text.length > BODY_BYTES) seal();
    lines.push(text);
    length += text.length;
  }
  seal();
  const agent = new Agent({ keepAlive: true, maxSockets: RAW_AT_ONCE });
  const result = await measured(async () => {
    const queue = [...bodies];
    await Promise.all(
      Array.from({ length: RAW_AT_ONCE }, async () => {
        for (let body = queue.shift(); body !== undefined; body = queue.shift()) await post(agent, body);
      }),
    );
  });
  agent.destroy();
  return result;
}

function post(agent: Agent, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
    const sent = request(`${server.url}/_bulk?filter_path=errors`, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`the ceiling met ${response.statusCode}`));
      response.resume().on('end', resolve);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function measureWriter(namespace: string): Promise<Measured> {
  const batches: (readonly EventDocument[])[] = [];
  for (let n = 0; n < COUNT; n += 2000)
    batches.push(Array.from({ length: Math.min(2000, COUNT - n) }, (_, i) => eventOf(n + i)));
  const output = openElasticsearch(configFor(server.url, { namespace, bodyBytes: BODY_BYTES }));
  const result = await measured(async () => {
    const results = await Promise.all(batches.map((events) => output.deliver({ events, profiles: [], incidents: [] })));
    const written = results.reduce((sum, r) => sum + r.written, 0);
    if (written !== COUNT) throw new Error(`${written} of ${COUNT} documents were written`);
  });
  await output.close();
  return result;
}

async function measured(work: () => Promise<void>): Promise<Measured> {
  const serverBefore = (await server.cpuSeconds()) ?? 0;
  const ownBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const own = process.cpuUsage(ownBefore);
  const serverSeconds = ((await server.cpuSeconds()) ?? 0) - serverBefore;
  return {
    documentsPerSecond: COUNT / seconds,
    serverMicros: (serverSeconds / COUNT) * 1e6,
    ownMicros: (own.user + own.system) / COUNT,
  };
}

async function report(rounds: readonly { readonly raw: Measured; readonly writer: Measured }[]): Promise<void> {
  const median = (pick: (round: (typeof rounds)[number]) => number): number =>
    rounds.map(pick).sort((a, b) => a - b)[rounds.length >> 1] ?? 0;
  const cells = (pick: (round: (typeof rounds)[number]) => Measured): string =>
    [
      Math.round(median((r) => pick(r).documentsPerSecond)).toLocaleString('en-US'),
      median((r) => pick(r).serverMicros).toFixed(1),
      median((r) => pick(r).ownMicros).toFixed(1),
    ].join(' | ');
  const share = median((r) => r.writer.documentsPerSecond / r.raw.documentsPerSecond);
  const cpuOf = ({ serverMicros, ownMicros }: Measured): number => serverMicros + ownMicros;
  const cpuShare = median((r) => cpuOf(r.raw) / cpuOf(r.writer));
  const text = `# Elasticsearch: the writer and the ceiling

Written by \`npm run bench:elasticsearch\`, on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), shared by client and server.
${COUNT} events of 15 fields, ${Math.round(Buffer.byteLength(JSON.stringify(eventOf(0).document)))} bytes each, one shard, our templates; the median of ${rounds.length} rounds in turns, after one to warm up.

| | documents/s | server CPU, us/document | our CPU, us/document |
| --- | --- | --- | --- |
| ceiling: bodies serialised before, answers not read | ${cells((r) => r.raw)} |
| our writer, from objects, every answer read | ${cells((r) => r.writer)} |

Where client and server share their cores, the CPU of both decides: the ceiling needs ${(cpuShare * 100).toFixed(0)} % of the CPU that the writer needs for a document. By the clock the writer reached ${(share * 100).toFixed(0)} % of the ceiling
(median of the rounds' ratios); on a machine with other work, believe the CPU.
`;
  await writeFile(join(import.meta.dirname, 'elasticsearch-results.md'), text);
  process.stdout.write(text);
}
