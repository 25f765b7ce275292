/** What has to be put into a cluster: compared with what is there, piece by piece. Nothing is ever deleted. */
import { createHash } from 'node:crypto';
import type { Request } from '../connection.ts';
import { type Cluster, demand, valueAt } from './cluster.ts';
import { type Difference, differences } from './differences.ts';
import {
  componentTemplates,
  indexTemplates,
  lifecyclePolicies,
  META,
  mappingOf,
  type Retention,
  SETUP_VERSION,
} from './templates.ts';

export type StepState =
  | 'new'
  | 'changed' // ours, from an older release or changed by hand
  | 'same'
  | 'newer' // of a newer release: left alone
  | 'foreign'; // the name is taken by something that is not ours: left alone

export interface Step {
  readonly what: string; // "component template imapwhy@settings"
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly state: StepState;
  readonly differences: readonly Difference[]; // there, and wanted
}

/** Patterns of the indices that exist already and need fields that are new in this release. */
const MAPPED = [
  ['events', 'logs-imapwhy.*-'],
  ['profiles', 'imapwhy-profiles-'],
  ['incidents', 'imapwhy-incidents-'],
  ['anomalies', 'imapwhy-anomalies-'],
  ['likely', 'imapwhy-likely-'],
  ['feedback', 'imapwhy-feedback-'],
  ['pipeline', 'metrics-imapwhy.pipeline-'],
] as const;

export async function planSetup(request: Request, cluster: Cluster, retention: Retention): Promise<readonly Step[]> {
  const { offer } = cluster;
  const steps: Step[] = [];
  if (offer.lifecycle === 'ilm') {
    for (const { name, body } of lifecyclePolicies(retention))
      steps.push(
        await stepFor(request, 'lifecycle policy', name, `/_ilm/policy/${name}`, body, [name], ['policy', '_meta']),
      );
  }
  for (const { name, body } of componentTemplates(offer)) {
    const path = `/_component_template/${encodeURIComponent(name)}`;
    steps.push(
      await stepFor(
        request,
        'component template',
        name,
        path,
        body,
        ['component_templates', '0', 'component_template'],
        ['_meta'],
      ),
    );
  }
  for (const { name, body } of indexTemplates(offer, retention)) {
    const path = `/_index_template/${encodeURIComponent(name)}`;
    steps.push(
      await stepFor(request, 'index template', name, path, body, ['index_templates', '0', 'index_template'], ['_meta']),
    );
  }
  return steps;
}

/**
 * Puts what is new or changed, in order. Then indices that exist already get the fields that they lack; what cannot be changed in them (the type of a field) stays until the next index, and is said.
 */
export async function applySetup(
  request: Request,
  cluster: Cluster,
  steps: readonly Step[],
  namespace: string,
): Promise<readonly string[]> {
  for (const step of steps)
    if (step.state === 'new' || step.state === 'changed') demand(await request('PUT', step.path, step.body), step.what);
  const notes: string[] = [];
  for (const [set, prefix] of MAPPED) {
    const target = `${prefix}${namespace}${set === 'events' || set === 'pipeline' ? '' : '-*'}`;
    const there = await request('GET', `/${target}/_settings/index.uuid`, undefined, {
      query: { allow_no_indices: 'true' },
    });
    if (there.status === 404 || Object.keys(valueAt(there, ['body']) ?? {}).length === 0) continue;
    const answer = await request('PUT', `/${target}/_mapping`, mappingOf(set, cluster.offer));
    if (answer.status !== 200)
      notes.push(
        `${target}: existing indices keep their mapping (${String(valueAt(answer.body, ['error', 'reason']))}); the next rollover or month has the new one`,
      );
  }
  return notes;
}

async function stepFor(
  request: Request,
  kind: string,
  name: string,
  path: string,
  plain: Readonly<Record<string, unknown>>,
  whereBody: readonly string[],
  whereMeta: readonly string[],
): Promise<Step> {
  const body = withHash(plain, whereMeta);
  const answer = await request('GET', path);
  const what = `${kind} ${name}`;
  if (answer.status === 404) return { what, path, body, state: 'new', differences: [] };
  const there = valueAt(demand(answer, what).body, whereBody);
  const meta = valueAt(there, whereMeta);
  if (valueAt(meta, ['managed_by']) !== META.managed_by) return { what, path, body, state: 'foreign', differences: [] };
  const version = valueAt(meta, ['version']);
  if (typeof version === 'number' && version > SETUP_VERSION)
    return { what, path, body, state: 'newer', differences: [] };
  const isSame = valueAt(meta, ['hash']) === valueAt(body, [...whereMeta, 'hash']);
  const found = differences(there, body);
  return { what, path, body, state: isSame && found.length === 0 ? 'same' : 'changed', differences: found };
}

/** The fingerprint of what we put there, kept with it: the server writes bodies its own way, so they are not compared as texts. */
function withHash(
  body: Readonly<Record<string, unknown>>,
  whereMeta: readonly string[],
): Readonly<Record<string, unknown>> {
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16);
  const meta = { ...META, hash };
  const [first, second] = whereMeta;
  if (second === undefined || first === undefined) return { ...body, _meta: meta };
  const inner = valueAt(body, [first]);
  return { ...body, [first]: { ...(typeof inner === 'object' ? inner : {}), [second]: meta } };
}
