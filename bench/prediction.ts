/**
 * `npm run bench:prediction`: predictions a second of CPU time in the stream (reading of profiles left out and with it), and the bytes that are
 * remembered for each client, network, server and tunnel. The model has all parts; its net is untrained, which costs the same.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { initialWeights } from '../models/math/lstm-window-net.ts';
import { type AttemptRecord, readAttempt } from '../models/prediction/attempt.ts';
import { fitTreesFor, NET_SHAPE, prepareRows } from '../models/prediction/fit-parts.ts';
import { inSinglePrecision } from '../models/prediction/prediction-model.ts';
import { Predictor } from '../models/prediction/predictor.ts';
import { buildTrainingSet } from '../models/prediction/training-set.ts';

const ROUNDS = 3;
const TREES = 150;
const CLIENTS = 50_000;
const ATTEMPTS_OF_EACH = 9;
const CLIENTS_OF_A_NETWORK = 20;

const world = join(import.meta.dirname, '..', 'test', 'models', 'prediction', 'world-thin', 'profiles.ndjson.gz');
const lines = gunzipSync(readFileSync(world)).toString('utf8').trim().split('\n');
const records = lines.map(recordOf);
const set = buildTrainingSet(records);
const prepared = prepareRows(
  set,
  Uint32Array.from(set.labels, (_, row) => row),
);
const model = inSinglePrecision({
  kind: 'ensemble',
  scaling: prepared.scaling,
  net: { shape: NET_SHAPE, weights: initialWeights(NET_SHAPE, 1, -2) },
  trees: fitTreesFor(set, prepared, TREES, 1, () => {}),
  linear: undefined,
  blend: { bias: 0, net: 0.5, trees: 0.5, linear: 0 },
});

const predicting = medianRate(() => {
  const predictor = new Predictor(model, 0.1);
  for (const record of records) predictor.next(record);
});
const reading = medianRate(() => {
  const predictor = new Predictor(model, 0.1);
  for (const line of lines) predictor.next(recordOf(line));
});
const { keys, bytes } = stateOfManyKeys();
console.log(
  `predictions a second of CPU: ${predicting}; with reading the profiles: ${reading} (${lines.length} attempts, ${TREES} trees)`,
);
console.log(`state: ${Math.round(bytes / keys)} bytes a key (${keys} clients, networks, servers and tunnels)`);

function recordOf(line: string): AttemptRecord {
  const read = readAttempt(JSON.parse(line));
  if (read.kind !== 'attempt') throw new Error(`the world has a bad line: ${read.field}`);
  return read.record;
}

function medianRate(work: () => void): number {
  const rates = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return Math.round((lines.length * 1e6) / (user + system));
  });
  return rates.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

/** Every client connects until all its memories are full. */
function stateOfManyKeys(): { readonly keys: number; readonly bytes: number } {
  if (!globalThis.gc) throw new Error('run with --expose-gc');
  const before = used();
  const predictor = new Predictor(model, 0.1);
  const first = records[0]?.attempt.at ?? 0;
  let i = 0;
  for (let round = 0; round < ATTEMPTS_OF_EACH; round++) {
    for (let client = 0; client < CLIENTS; client++, i++) {
      const template = records[i % records.length];
      if (!template) continue;
      const at = first + i * 10;
      predictor.knowledge.begin({
        ...template,
        attempt: {
          ...template.attempt,
          at,
          client: `client${client}`,
          network: `network${Math.floor(client / CLIENTS_OF_A_NETWORK)}`,
        },
        decision: { ...template.decision, at: at + 100 },
      });
      predictor.knowledge.advance(at);
    }
  }
  const bytes = used() - before;
  return { keys: predictor.knowledge.keys, bytes };
}

function used(): number {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
