/**
 * npm run test:chaos [-- --faults N] [--seed N] [--apart]: the streaming service on a real broker and a real index while both, and its own processes, are killed, frozen,
 * cut off and divided anew. Afterwards every document is that of one undisturbed process: none lost, none double, byte for byte.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ROLES } from '../../cli/run-config.ts';
import { topicsOf } from '../../cli/stream/topics.ts';
import { embedded } from '../cli/stream/in-memory.ts';
import { allThere, compare, deadLetters } from '../servers/stored-documents.ts';
import { newestOf, sampleFolder } from '../servers/streaming-sample.ts';
import { FAULTS, type Fault } from './faults.ts';
import { API } from './kafka-proxy.ts';
import { startWorld, type World } from './world.ts';

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    apart: { type: 'boolean', default: false },
  },
});
const wanted = Number(values.faults);
const seed = Number(values.seed);
if (!Number.isInteger(wanted) || wanted < 1 || !Number.isInteger(seed)) {
  process.stderr.write('usage: npm run test:chaos [-- --faults N] [--seed N] [--only PART-OF-A-NAME] [--apart]\n');
  process.exit(2);
}
// An end by `exit` takes the servers with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.stdout.write(`chaos: seed ${seed}, ${wanted} faults${values.apart ? ', each role apart' : ''}\n`);
const random = mulberry32(seed);
const kinds = FAULTS.filter(({ name }) => name.includes(values.only ?? ''));
const startedAt = performance.now();
const expected = await embedded(sampleFolder, true);
const world = await startWorld(values.apart);
const counted = new Map<string, { hit: number; idle: number }>();
let failed = true;
try {
  let hits = 0;
  // A third more shares than faults: those that met no work use one up too.
  const share = Math.ceil(world.sample.total / ((wanted * 4) / 3 + 2));
  for (let turn = 0; hits < wanted && world.sample.left > 0; turn++) {
    if (turn % kinds.length === 0) shuffle(kinds, random);
    const fault = kinds[turn % kinds.length];
    if (!fault) break;
    const hit = await strike(world, fault, share);
    const count = counted.get(fault.name) ?? { hit: 0, idle: 0 };
    counted.set(fault.name, count);
    if (hit) count.hit += 1;
    else count.idle += 1;
    hits += hit ? 1 : 0;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stdout.write(`${String(seconds).padStart(5)} s  ${hit ? '    ' : 'idle'}  ${fault.name}\n`);
  }
  await world.sample.send(world.sample.left);
  let missing = '';
  await allThere(world.request, world.namespace, expected, 150_000).catch((error: Error) => {
    missing = error.message; // what is missing, the comparison tells
  });
  const codes = await world.stop();
  const comparisons = await compare(world.request, world.namespace, expected);
  for (const kind of ['profiles', 'incidents'] as const)
    process.stdout.write(`${kind} in Kafka: ${(await newestOf(world.kafka, topicsOf(world.namespace)[kind])).size}\n`);
  const dead = await deadLetters(world.kafka, world.namespace);
  table(hits);
  for (const { kind, expected: there, lost, double, strange, differing, example } of comparisons) {
    process.stdout.write(
      `${kind}: ${there} expected, ${lost} lost, ${double} double, ${strange} strange, ${differing} differ\n`,
    );
    if (example) process.stdout.write(`  expected ${example[0]}\n  found    ${example[1]}\n`);
  }
  if (missing !== '') process.stdout.write(`${missing}\n`);
  process.stdout.write(`dead letters: ${dead.size === 0 ? 0 : [...dead].join('; ')}; exit codes: ${codes.join(' ')}\n`);
  const same = comparisons.every((c) => c.lost + c.double + c.strange + c.differing === 0);
  failed = !same || missing !== '' || dead.size > 0 || codes.some((code) => code !== 0) || hits < wanted;
} catch (error) {
  table(0);
  process.stdout.write(`${error instanceof Error ? error.stack : error}\n`);
} finally {
  if (failed) process.stdout.write(`FAILED with seed ${seed}; logs of the processes: ${world.folder}\n`);
  await world.close(failed);
}
process.exit(failed ? 1 : 0);

/** Sends a share of the sample, breaks something meanwhile, and waits until every role has done something since the fault. */
async function strike(world: World, fault: Fault, share: number): Promise<boolean> {
  const { brokerProxy } = world;
  // The process that parses may index too, and have all that there is to be indexed.
  const indexed = () => brokerProxy.count('index', API.offsetCommit) + brokerProxy.count('parse', API.offsetCommit);
  const done = () => ROLES.map((role) => (role === 'index' ? indexed() : brokerProxy.count(role, API.endTransaction)));
  const sending = world.sample.send(share);
  const hit = await fault.strike(world, random);
  const before = done();
  await sending;
  for (const limit = performance.now() + 20_000; performance.now() < limit; await sleep(20))
    if (done().every((n, i) => n > (before[i] ?? 0))) break;
  return hit;
}

function table(hits: number): void {
  process.stdout.write(`\nfaults that met work in flight: ${hits}\n`);
  for (const [name, { hit, idle }] of [...counted].sort())
    process.stdout.write(`${String(hit).padStart(5)}  ${name}${idle > 0 ? ` (and ${idle} that met none)` : ''}\n`);
}

function shuffle<T>(list: T[], next: () => number): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    const [a, b] = [list[i], list[j]];
    if (a !== undefined && b !== undefined) [list[i], list[j]] = [b, a];
  }
}

/** 0 to 1. Source: Tommy Ettinger's mulberry32, public domain. */
function mulberry32(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
