/** What a cluster is and offers, found out without changing anything. */
import { messageOf, OutputError } from '../../output-error.ts';
import type { Answer, Request } from '../connection.ts';
import { OPTIONAL_TYPES, type OptionalType } from './mapping.ts';
import type { Lifecycle, Offer } from './templates.ts';

export interface Cluster {
  readonly version: string;
  readonly offer: Offer;
}

const VERSION_LEAST = [8, 11] as const; // data stream lifecycle, optional component templates

/** Throws an OutputError if nobody answers, if it is no Elasticsearch, or too old. */
export async function inspectCluster(request: Request): Promise<Cluster> {
  const root = demand(
    await request('GET', '/').catch((error: unknown) => {
      const message = `Elasticsearch cannot be reached: ${messageOf(error)}. Check the address, that it runs, and tls.`;
      throw new OutputError('INDEX_UNAVAILABLE', message, error);
    }),
    'the cluster',
  );
  const version = textAt(root.body, ['version', 'number']);
  if (version === undefined)
    throw new OutputError('INDEX_UNAVAILABLE', 'this is not an Elasticsearch: its first page names no version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < VERSION_LEAST[0] || (major === VERSION_LEAST[0] && minor < VERSION_LEAST[1]))
    throw new OutputError(
      'INDEX_UNAVAILABLE',
      `Elasticsearch ${version} is too old: ${VERSION_LEAST.join('.')} or newer is needed`,
    );
  const types = new Set<OptionalType>();
  for (const type of OPTIONAL_TYPES) if (await takesType(request, type)) types.add(type);
  return { version, offer: { types, lifecycle: await lifecycleOf(request) } };
}

/** A simulated template says whether the cluster knows a type; nothing is stored. */
async function takesType(request: Request, type: OptionalType): Promise<boolean> {
  const answer = await request('POST', '/_index_template/_simulate', {
    index_patterns: ['imapwhy-probe-of-a-type-*'],
    priority: 900_719,
    template: { mappings: { properties: { probe: { type } } } },
  });
  if (answer.status === 200) return true;
  if (answer.status === 400) return false;
  demand(answer, 'simulating a template (needs the cluster right manage_index_templates)');
  return false;
}

/** Index lifecycle management where it is there, the lifecycle of data streams where only that is (serverless), else none. */
async function lifecycleOf(request: Request): Promise<Lifecycle> {
  if ((await request('GET', '/_ilm/status')).status === 200) return 'ilm';
  const stream = await request('GET', '/_data_stream/logs-imapwhy.none-none/_lifecycle');
  return stream.status === 200 ||
    (stream.status === 404 && textAt(stream.body, ['error', 'type']) === 'index_not_found_exception')
    ? 'data-stream'
    : 'none';
}

/** The answer, if it is a good one. */
export function demand(answer: Answer, what: string): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const reason = textAt(answer.body, ['error', 'reason']) ?? JSON.stringify(answer.body)?.slice(0, 300) ?? '';
  const advice =
    answer.status === 401
      ? ' Check the credentials (auth).'
      : answer.status === 403
        ? ' The user lacks the right: it needs manage_index_templates, manage_ilm and monitor, and manage on imapwhy-*, logs-imapwhy.* and metrics-imapwhy.*.'
        : '';
  throw new OutputError('INDEX_UNAVAILABLE', `${what}: Elasticsearch answered ${answer.status}: ${reason}.${advice}`);
}

export function textAt(value: unknown, path: readonly string[]): string | undefined {
  const found = valueAt(value, path);
  return typeof found === 'string' ? found : undefined;
}

export function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}
