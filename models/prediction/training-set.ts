import type { Columns } from '../math/boosted-trees.ts';
import { type AttemptRecord, type DecisionKind, isFailure } from './attempt.ts';
import { FeatureWriter } from './features.ts';
import { FEATURES, Knowledge } from './knowledge.ts';
import { EVENT_INPUTS, EventWindow, STEPS_MAX, writeEvent } from './window.ts';

/** Keys of each kind that are remembered at once; the same in training and in the stream. */
export const KEYS_MAX = 500_000;

/** Every labelled attempt as the models see it, in the order of time. Rows of all arrays answer each other. */
export interface TrainingSet {
  readonly rows: number;
  readonly ids: readonly string[];
  /** Start, UTC epoch ms. */
  readonly at: Float64Array;
  /** 1: failed. */
  readonly labels: Uint8Array;
  readonly kinds: readonly DecisionKind[];
  /** Number of the client; attempts without one have a number of their own. */
  readonly clients: Uint32Array;
  /** 1, 0 or NaN: how the client's last known attempt ended. */
  readonly lastFailed: Float32Array;
  /** One column for each of FEATURES. */
  readonly columns: Columns;
  readonly windows: Windows;
}

/** Which events each row's window holds. In shared memory, so that workers read them without a copy. */
export interface Windows {
  /** (rows,STEPS_MAX) numbers of events, oldest first; what lies behind `lengths` is unused. */
  readonly events: Int32Array;
  readonly relations: Uint8Array;
  readonly lengths: Uint8Array;
  /** Start of each row's attempt and of each event, seconds after the first one. */
  readonly at: Float64Array;
  readonly eventAt: Float64Array;
  /** (events,EVENT_INPUTS). */
  readonly inputs: Float32Array;
}

/** `records` in the order of their start. Attempts of unknown outcome are known to have happened, but teach nothing. */
export function buildTrainingSet(
  records: readonly AttemptRecord[],
  onRow: (row: number) => void = () => {},
): TrainingSet {
  const labelled = records.reduce((n, r) => n + (r.decision.kind === 'unknown' ? 0 : 1), 0);
  const first = records[0]?.attempt.at ?? 0;
  const at = new Float64Array(labelled);
  const labels = new Uint8Array(labelled);
  const ids: string[] = [];
  const kinds: DecisionKind[] = [];
  const clients = new Uint32Array(labelled);
  const clientNumbers = new Map<string, number>();
  const lastFailed = new Float32Array(labelled);
  const columns = FEATURES.map(() => new Float32Array(labelled));
  const windows: Windows = {
    events: new Int32Array(new SharedArrayBuffer(4 * labelled * STEPS_MAX)),
    relations: new Uint8Array(new SharedArrayBuffer(labelled * STEPS_MAX)),
    lengths: new Uint8Array(new SharedArrayBuffer(labelled)),
    at: new Float64Array(new SharedArrayBuffer(8 * labelled)),
    eventAt: new Float64Array(new SharedArrayBuffer(8 * labelled)),
    inputs: new Float32Array(new SharedArrayBuffer(4 * labelled * EVENT_INPUTS.length)),
  };
  const knowledge = new Knowledge(KEYS_MAX);
  knowledge.onLearned = (event) => {
    windows.eventAt[event.order] = (event.at - first) / 1000;
    writeEvent(event, windows.inputs, event.order * EVENT_INPUTS.length);
  };
  const features = new FeatureWriter(FEATURES.length);
  const window = new EventWindow();
  const lastOk = FEATURES.indexOf('client.last_ok');
  let row = 0;
  for (const record of records) {
    const { attempt, decision } = record;
    if (decision.kind === 'unknown') {
      knowledge.begin(record);
      continue;
    }
    knowledge.describe(attempt, features, window);
    columns.forEach((column, f) => {
      column[row] = features.values[f] ?? Number.NaN;
    });
    for (let s = 0; s < window.length; s++) {
      windows.events[row * STEPS_MAX + s] = window.events[s]?.order ?? 0;
      windows.relations[row * STEPS_MAX + s] = window.relations[s] ?? 0;
    }
    windows.lengths[row] = window.length;
    windows.at[row] = (attempt.at - first) / 1000;
    at[row] = attempt.at;
    labels[row] = isFailure(decision.kind) ? 1 : 0;
    ids.push(attempt.id);
    kinds.push(decision.kind);
    lastFailed[row] = 1 - (features.values[lastOk] ?? Number.NaN);
    clients[row] = numberOf(attempt.client ?? `\0${row}`, clientNumbers);
    knowledge.begin(record);
    onRow(row++);
  }
  return { rows: labelled, ids, at, labels, kinds, clients, lastFailed, columns, windows };
}

function numberOf(name: string, numbers: Map<string, number>): number {
  const known = numbers.get(name);
  if (known !== undefined) return known;
  numbers.set(name, numbers.size);
  return numbers.size - 1;
}
