/** Where the streaming service writes: what people say is kept beside the profiles in Elasticsearch, and wins over every revision that comes later. */
import { connect } from '../outputs/elasticsearch/connection.ts';
import { openElasticsearch } from '../outputs/elasticsearch/elasticsearch.ts';
import {
  feedbackDocuments,
  findProfiles,
  type KeptStatement,
  profilesOf,
  refresh,
  type StoredProfile,
  statementsOf,
} from '../outputs/elasticsearch/feedback.ts';
import { OutputError } from '../outputs/output-error.ts';
import { latestStatements, modelCause } from '../processors/profile/feedback.ts';
import type { Profile } from '../processors/profile/profile.ts';
import { type TargetOptions, targetsFrom } from './elasticsearch-options.ts';
import type { FeedbackPlace } from './feedback.ts';

export const hasTarget = ({ config, elasticsearch, cloudId }: TargetOptions): boolean =>
  config !== undefined || elasticsearch !== undefined || cloudId !== undefined;

export function elasticsearchPlace(options: TargetOptions): FeedbackPlace {
  const { elasticsearch } = targetsFrom(options);
  const { namespace } = elasticsearch;
  const { request, close } = connect(elasticsearch);
  let found: StoredProfile | undefined;
  let said: readonly KeptStatement[] = [];
  return {
    where: 'Elasticsearch',
    async find(id) {
      const all = await findProfiles(request, namespace, id);
      const exact = all.find(({ profile }) => profile.imapwhy.session.id === id);
      if (exact === undefined && all.length > 1)
        return {
          notFound: [
            `Several sessions match ${id}. Name one of them:`,
            ...all.map(({ profile }) => `  ${profile.imapwhy.session.id}`),
          ],
        };
      found = exact ?? all[0];
      if (found === undefined)
        return { notFound: [`No session has the id ${id} in imapwhy-profiles-${namespace}-*. Kibana shows ids.`] };
      said = await statementsOf(request, namespace, found.profile.imapwhy.session.id);
      return { profile: found.profile, cause: said.at(-1)?.cause ?? modelCause(found.profile) };
    },
    statements: async (session) => (await statementsOf(request, namespace, session)).map((s) => s.statement),
    async record(statement) {
      if (found === undefined) throw new Error('a session must be found before something is said about it');
      const cause = said.at(-1)?.cause ?? modelCause(found.profile);
      const output = openElasticsearch(elasticsearch);
      try {
        // The statement first: what was said must not be lost when the profile cannot be written.
        for (const document of feedbackDocuments({ statement, cause }, found, namespace)) {
          const { refused } = await output.deliverDocuments([document]);
          const [first] = refused;
          if (first) throw new OutputError('INDEX_REFUSED', `${first.target}, id ${first.id}: ${first.reason}`);
        }
      } finally {
        await output.close();
      }
      await refresh(request, namespace);
    },
    close,
  };
}

/** The sessions that people labelled, with what they said, for fitting. */
export async function labelledIn(
  options: TargetOptions,
): Promise<{ readonly statements: number; readonly labelled: number; readonly profiles: readonly Profile[] }> {
  const { elasticsearch } = targetsFrom(options);
  const { request, close } = connect(elasticsearch);
  try {
    const statements = (await statementsOf(request, elasticsearch.namespace)).map((s) => s.statement);
    const labelled = [...latestStatements(statements).values()].filter((s) => s.label !== null);
    const ids = labelled.map((s) => s.session);
    const profiles = await profilesOf(request, elasticsearch.namespace, ids);
    return { statements: statements.length, labelled: labelled.length, profiles };
  } finally {
    await close();
  }
}
