/** Runs in a worker thread: computes the gradients of its share of each batch's shards, in memory shared with `GradientWorkers`. */
import { workerData } from 'node:worker_threads';
import { LstmWindowNet } from '../models/math/lstm-window-net.ts';
import { addShardGradient, SHARD } from '../models/prediction/fit-net.ts';
import { CONTROL, type SharedTraining } from './gradient-workers.ts';

const { problem, control, weights, gradients, batch, losses, jobs, job }: SharedTraining & { readonly job: number } =
  workerData;
const net = new LstmWindowNet(problem.shape, SHARD);

for (let round = 0; ; ) {
  Atomics.wait(control, CONTROL.round, round);
  round = Atomics.load(control, CONTROL.round);
  if (Atomics.load(control, CONTROL.stop) === 1) break;
  const rows = Atomics.load(control, CONTROL.rows);
  for (let shard = job; shard * SHARD < rows; shard += jobs) {
    const gradient = gradients.subarray(shard * weights.length, (shard + 1) * weights.length).fill(0);
    const part = batch.subarray(shard * SHARD, Math.min(rows, (shard + 1) * SHARD));
    losses[shard] = addShardGradient(net, problem, weights, part, rows, gradient);
  }
  Atomics.add(control, CONTROL.done, 1);
  Atomics.notify(control, CONTROL.done);
}
