import { viewId } from './data-views.ts';
import type { Search } from './panel.ts';
import type { SavedObject } from './saved-object.ts';

export const SEARCHES: readonly Search[] = [
  {
    id: 'failed-sessions',
    title: 'Sessions that failed',
    description: 'Attempts of legitimate users that did not work, with the cause and what to do.',
    view: 'profiles',
    filter: 'imapwhy.indicators.success: 0',
    columns: [
      'user.name',
      'client.ip',
      'imapwhy.outcome',
      'imapwhy.stalled_in',
      'imapwhy.cause.label',
      'imapwhy.cause.probability',
      'imapwhy.cause.remedy.summary',
      'imapwhy.session.id',
    ],
  },
  {
    id: 'session-evidence',
    title: 'Sessions with their evidence',
    description: 'The cause of each session, what speaks for and against it, and the lines behind it.',
    view: 'profiles',
    filter: '',
    columns: [
      'user.name',
      'imapwhy.outcome',
      'imapwhy.cause.label',
      'imapwhy.cause.probability',
      'imapwhy.cause.evidence.text',
      'imapwhy.cause.evidence.lines.original',
      'imapwhy.session.id',
    ],
  },
  {
    id: 'lines',
    title: 'Lines',
    description: 'Every record of every source, as it was read (secrets replaced).',
    view: 'events',
    filter: '',
    columns: ['event.dataset', 'event.action', 'source.ip', 'user.name', 'event.original'],
  },
  {
    id: 'waf-blocks',
    title: 'Requests that a WAF or a limit turned away',
    description: 'The decision with rule, path and address.',
    view: 'events',
    filter: 'event.type: denied and (observer.type: waf or rule.id: *)',
    columns: [
      'source.ip',
      'user.name',
      'rule.id',
      'rule.name',
      'http.request.method',
      'url.domain',
      'url.path',
      'event.original',
    ],
  },
  {
    id: 'incidents',
    title: 'Incidents',
    description: 'Sessions of one cause and scope that overlap in time.',
    view: 'incidents',
    filter: '',
    columns: [
      'imapwhy.incident.cause',
      'imapwhy.incident.scope',
      'imapwhy.incident.owner',
      'imapwhy.incident.sessions',
      'imapwhy.incident.users',
      'event.end',
      'imapwhy.incident.example_sessions',
    ],
  },
  {
    id: 'anomalies',
    title: 'Anomalies',
    description: 'What was unusual together, with the incident and the sessions that it explains.',
    view: 'anomalies',
    filter: '',
    columns: [
      'imapwhy.anomaly.level',
      'imapwhy.anomaly.scope',
      'imapwhy.anomaly.reason',
      'imapwhy.anomaly.incident.cause',
      'imapwhy.anomaly.sessions',
      'imapwhy.anomaly.users',
      'event.end',
      'imapwhy.anomaly.example_sessions',
    ],
  },
  {
    id: 'likely',
    title: 'Likely to fail next',
    description: 'Clients that will probably try soon and fail, told anew every five minutes; needs a trained model.',
    view: 'likely',
    filter: '',
    columns: [
      'imapwhy.likely.client',
      'imapwhy.likely.risk',
      'imapwhy.likely.tries',
      'imapwhy.likely.reasons.what',
      'event.end',
    ],
  },
  {
    id: 'parse-failures',
    title: 'Lines that no parser took',
    description: 'Kept and searchable; a new format begins here.',
    view: 'events',
    filter: 'tags: _parse_failure',
    columns: ['error.code', 'log.file.path', 'host.name', 'event.original'],
  },
];

export const searchId = (id: string): string => `imapwhy-search-${id}`;

export function searchObjects(): readonly SavedObject[] {
  return SEARCHES.map((search) => ({
    id: searchId(search.id),
    type: 'search',
    attributes: {
      title: `${search.title} [imapwhy]`,
      description: search.description,
      columns: search.columns,
      sort: [['@timestamp', 'desc']],
      grid: {},
      hideChart: false,
      isTextBasedQuery: false,
      timeRestore: false,
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({
          filter: [],
          indexRefName: 'kibanaSavedObjectMeta.searchSourceJSON.index',
          query: { language: 'kuery', query: search.filter },
        }),
      },
    },
    references: [
      { id: viewId(search.view), name: 'kibanaSavedObjectMeta.searchSourceJSON.index', type: 'index-pattern' },
    ],
  }));
}
