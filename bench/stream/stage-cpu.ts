/** Whose time the samples of a CPU profile were: of our stages, or of what carries bytes for them. */
import { readFile } from 'node:fs/promises';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** In microseconds. */
  readonly timeDeltas: readonly number[];
}

/** In the order in which a frame is asked, innermost first. */
const STAGES: readonly (readonly [stage: string, url: RegExp])[] = [
  ['parse', /cli\/stream\/parse-|ingest\/kafka\/raw-record/],
  ['sessions', /cli\/stream\/sessions-/],
  ['site', /cli\/stream\/site-/],
  ['index', /cli\/stream\/index-|outputs\/elasticsearch\/|@elastic\/|undici/],
  ['Kafka client', /kafkajs|ingest\/kafka\/|wasm-utils/],
];

export interface StageCpu {
  /** Seconds of the main thread by stage. */
  readonly seconds: ReadonlyMap<string, number>;
  /** The functions that took most by themselves. */
  readonly functions: readonly { readonly name: string; readonly seconds: number }[];
}

export async function stageCpu(file: string): Promise<StageCpu> {
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(await readFile(file, 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parentOf = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const stageOf = new Map<number, string>();
  const stage = (id: number): string => {
    const known = stageOf.get(id);
    if (known !== undefined) return known;
    const node = byId.get(id);
    const parent = parentOf.get(id);
    const found = (node && ownStage(node)) ?? (parent === undefined ? 'rest' : stage(parent));
    stageOf.set(id, found);
    return found;
  };
  const seconds = new Map<string, number>();
  const functions = new Map<string, number>();
  samples.forEach((id, i) => {
    const took = (timeDeltas[i + 1] ?? 0) / 1e6;
    const of = stage(id);
    if (of === 'idle') return;
    seconds.set(of, (seconds.get(of) ?? 0) + took);
    const name = nameOf(byId.get(id));
    functions.set(name, (functions.get(name) ?? 0) + took);
  });
  return {
    seconds,
    functions: [...functions].map(([name, s]) => ({ name, seconds: s })).sort((a, b) => b.seconds - a.seconds),
  };
}

function ownStage({ callFrame: { functionName, url } }: ProfileNode): string | undefined {
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(garbage collector)') return 'garbage collector';
  return STAGES.find(([, pattern]) => pattern.test(url))?.[0];
}

function nameOf(node: ProfileNode | undefined): string {
  if (!node) return '';
  const { functionName, url, lineNumber } = node.callFrame;
  return `${functionName || '(anonymous)'} ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
}
