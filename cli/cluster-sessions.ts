import { connect } from '../outputs/elasticsearch/connection.ts';
import { profilesOf } from '../outputs/elasticsearch/feedback.ts';
import { incidentOf, incidentsUntil } from '../outputs/elasticsearch/incidents.ts';
import { linesOf } from '../outputs/elasticsearch/lines.ts';
import { clusterSearch } from '../outputs/elasticsearch/search.ts';
import { OutputError } from '../outputs/output-error.ts';
import type { Sessions } from '../web/sessions.ts';
import { type TargetOptions, targetsFrom } from './elasticsearch-options.ts';
import { elasticsearchPlace } from './feedback-elasticsearch.ts';

export interface ClusterSessions extends Sessions {
  close(): Promise<void>;
}

/** Sessions as the streaming service has written them. */
export function clusterSessions(options: TargetOptions): ClusterSessions {
  const { elasticsearch } = targetsFrom(options);
  const { namespace } = elasticsearch;
  const { request, close } = connect(elasticsearch);
  return {
    search: clusterSearch(request, namespace),
    profile: async (id) => (await profilesOf(request, namespace, [id]))[0],
    linesOf: (profile) => linesOf(request, namespace, profile),
    incident: (id) => incidentOf(request, namespace, id),
    incidentsUntil: (ms) => incidentsUntil(request, namespace, ms),
    async record(statement) {
      const place = elasticsearchPlace(options);
      try {
        const found = await place.find(statement.session);
        if ('notFound' in found) throw new OutputError('INDEX_REFUSED', found.notFound.join(' '));
        await place.record(statement);
      } finally {
        await place.close();
      }
    },
    linesToIndex: () => 0,
    close,
  };
}
