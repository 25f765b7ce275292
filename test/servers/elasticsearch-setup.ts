/** What every test with Elasticsearch begins with: a connection, and our templates in the cluster. */
import * as v from 'valibot';
import {
  type ElasticsearchConfig,
  type ElasticsearchConfigInput,
  elasticsearchConfig,
} from '../../outputs/elasticsearch/config.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { inspectCluster } from '../../outputs/elasticsearch/setup/cluster.ts';
import { applySetup, planSetup } from '../../outputs/elasticsearch/setup/plan.ts';
import { KEEP_ALL } from '../../outputs/elasticsearch/setup/templates.ts';

export const configFor = (url: string, more: Partial<ElasticsearchConfigInput> = {}): ElasticsearchConfig =>
  v.parse(elasticsearchConfig, { nodes: [url], ...more });

export async function installTemplates(config: ElasticsearchConfig): Promise<void> {
  const connection = connect(config);
  const cluster = await inspectCluster(connection.request);
  const steps = await planSetup(connection.request, cluster, KEEP_ALL);
  await applySetup(connection.request, cluster, steps, config.namespace);
  await connection.close();
}

export interface Stored {
  readonly index: string;
  readonly id: string;
  readonly source: Readonly<Record<string, unknown>>;
}

/** Every document of the pattern, page by page. */
export async function allDocuments(request: Request, pattern: string): Promise<readonly Stored[]> {
  await request('POST', `/${pattern}/_refresh`);
  const opened = await request('POST', `/${pattern}/_pit`, undefined, { query: { keep_alive: '1m' } });
  if (opened.status === 404) return [];
  const { id } = opened.body as { id: string };
  const found: Stored[] = [];
  for (let after: unknown; ; ) {
    const answer = await request('POST', '/_search', {
      size: 5000,
      pit: { id },
      sort: ['_shard_doc'],
      track_total_hits: false,
      ...(after === undefined ? {} : { search_after: after }),
    });
    const { hits } = (answer.body as { hits: { hits: readonly Hit[] } }).hits;
    for (const hit of hits) found.push({ index: hit._index, id: hit._id, source: hit._source });
    after = hits.at(-1)?.sort;
    if (after === undefined) break;
  }
  await request('DELETE', '/_pit', { id });
  return found;
}

interface Hit {
  readonly _index: string;
  readonly _id: string;
  readonly _source: Readonly<Record<string, unknown>>;
  readonly sort: unknown;
}
