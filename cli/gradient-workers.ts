import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LstmWindowNet, layoutOf } from '../models/math/lstm-window-net.ts';
import { addShardGradient, BATCH, type GradientRunner, type NetProblem, SHARD } from '../models/prediction/fit-net.ts';

const SHARDS = BATCH / SHARD;
/** A worker that has not answered by then has died. */
const ANSWER_MAX_MS = 120_000;

/** Places in the control array. */
export const CONTROL = { round: 0, done: 1, rows: 2, stop: 3, length: 4 } as const;

/** What all threads see; every array lies in shared memory. */
export interface SharedTraining {
  readonly problem: NetProblem;
  readonly control: Int32Array;
  readonly weights: Float64Array;
  /** One gradient for each shard. */
  readonly gradients: Float64Array;
  readonly batch: Uint32Array;
  readonly losses: Float64Array;
  readonly jobs: number;
}

/**
 * Spreads the shards of each batch over worker threads; this thread is one of them. Shards have a fixed size and are added in a fixed order,
 * so that the bytes of the result are the same for any number of jobs.
 */
export class GradientWorkers implements GradientRunner {
  readonly #shared: SharedTraining;
  readonly #workers: readonly Worker[];
  readonly #net: LstmWindowNet;
  #failure: Error | undefined;

  /** Resolves when all threads are ready. */
  static async start(problem: NetProblem, jobs: number): Promise<GradientWorkers> {
    const length = layoutOf(problem.shape).length;
    const threads = Math.max(1, Math.min(jobs, SHARDS));
    const shared: SharedTraining = {
      problem,
      control: new Int32Array(new SharedArrayBuffer(4 * CONTROL.length)),
      weights: new Float64Array(new SharedArrayBuffer(8 * length)),
      gradients: new Float64Array(new SharedArrayBuffer(8 * length * SHARDS)),
      batch: new Uint32Array(new SharedArrayBuffer(4 * BATCH)),
      losses: new Float64Array(new SharedArrayBuffer(8 * SHARDS)),
      jobs: threads,
    };
    const file = new URL(`./gradient-worker${extname(import.meta.filename)}`, import.meta.url);
    const workers = Array.from(
      { length: threads - 1 },
      (_, i) => new Worker(file, { workerData: { ...shared, job: i + 1 } }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'online')));
    return new GradientWorkers(shared, workers);
  }

  private constructor(shared: SharedTraining, workers: readonly Worker[]) {
    this.#shared = shared;
    this.#workers = workers;
    this.#net = new LstmWindowNet(shared.problem.shape, SHARD);
    for (const worker of workers)
      worker.on('error', (error) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      });
  }

  run(weights: Float64Array, batch: Uint32Array, gradient: Float64Array): number {
    if (this.#failure) throw this.#failure;
    const { control, gradients, losses, jobs } = this.#shared;
    this.#shared.weights.set(weights);
    this.#shared.batch.set(batch);
    Atomics.store(control, CONTROL.rows, batch.length);
    Atomics.store(control, CONTROL.done, 0);
    Atomics.add(control, CONTROL.round, 1);
    Atomics.notify(control, CONTROL.round);
    const { problem } = this.#shared;
    for (let shard = 0; shard * SHARD < batch.length; shard += jobs) {
      const own = gradients.subarray(shard * weights.length, (shard + 1) * weights.length).fill(0);
      const rows = this.#shared.batch.subarray(shard * SHARD, Math.min(batch.length, (shard + 1) * SHARD));
      losses[shard] = addShardGradient(this.#net, problem, this.#shared.weights, rows, batch.length, own);
    }
    this.#awaitWorkers();
    gradient.fill(0);
    let loss = 0;
    for (let shard = 0; shard * SHARD < batch.length; shard++) {
      loss += losses[shard] ?? 0;
      const from = shard * weights.length;
      for (let i = 0; i < weights.length; i++) gradient[i] = (gradient[i] ?? 0) + (gradients[from + i] ?? 0);
    }
    return loss;
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    Atomics.store(this.#shared.control, CONTROL.stop, 1);
    Atomics.add(this.#shared.control, CONTROL.round, 1);
    Atomics.notify(this.#shared.control, CONTROL.round);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #awaitWorkers(): void {
    const { control } = this.#shared;
    const wanted = this.#workers.length;
    for (let done = Atomics.load(control, CONTROL.done); done < wanted; done = Atomics.load(control, CONTROL.done)) {
      if (Atomics.wait(control, CONTROL.done, done, ANSWER_MAX_MS) === 'timed-out')
        throw new Error('a training thread has stopped answering. Run the command again: it goes on where it was.');
    }
  }
}
