/** What people said about causes, in Elasticsearch: every statement is a document that stays, and the profile that it is about says the latest. */
import * as v from 'valibot';
import { type Statement, withFeedback } from '../../processors/profile/feedback.ts';
import { withIndicators } from '../../processors/profile/indicators.ts';
import { CAUSE_LABELS, type Cause, type Profile } from '../../processors/profile/profile.ts';
import { type BulkDocument, feedbackIndices, monthOf, profileIndices } from './bulk-document.ts';
import type { Request } from './connection.ts';
import { searchIn } from './search-in.ts';
import { demand } from './setup/cluster.ts';

/** A statement with the whole of what the model had said, so that it can be taken back. */
export interface KeptStatement {
  readonly statement: Statement;
  readonly cause: Cause;
}

/** A profile and the index that it lies in. */
export interface StoredProfile {
  readonly index: string;
  readonly profile: Profile;
}

/**
 * Profiles that a person spoke about have versions from here on, far above every one that is made of lines (an engine's epoch and what was known): the answer stays
 * when the session is revised or all is read again. Among statements the latest wins: the time in ms is added, which keeps it exact until the year 2250.
 */
const SAID = 9_000_000_000_000_000;
const SAID_SINCE = Date.UTC(2026, 0, 1);
const HITS_MAX = 1000;
const ID_PART_MIN = 6;

const cause = v.custom<Cause>((x) => v.is(v.looseObject({ label: v.picklist(CAUSE_LABELS) }), x), 'is no cause');
export const profileSchema = v.custom<Profile>(
  (x) =>
    v.is(
      v.looseObject({
        '@timestamp': v.string(),
        event: v.looseObject({ start: v.string() }),
        imapwhy: v.looseObject({ session: v.looseObject({ id: v.string() }), cause, revision: v.number() }),
      }),
      x,
    ),
  'is no profile',
);
const statement = v.object({
  session: v.string(),
  label: v.nullable(v.picklist(CAUSE_LABELS)),
  by: v.string(),
  at: v.string(),
  note: v.nullable(v.string()),
  model_label: v.picklist(CAUSE_LABELS),
  model_probability: v.number(),
});
const hitsOf = <T>(source: v.GenericSchema<unknown, T>) =>
  v.object({
    hits: v.object({
      hits: v.array(v.object({ _index: v.string(), _source: source, sort: v.optional(v.array(v.unknown())) })),
    }),
  });
const profileHits = hitsOf(profileSchema);
const statementHits = hitsOf(v.object({ imapwhy: v.object({ feedback: statement, model_cause: cause }) }));

/** The statement as a document, and the profile as it is shown from now on: to be written in this order. */
export function feedbackDocuments(
  { statement, cause }: KeptStatement,
  { index, profile }: StoredProfile,
  namespace: string,
): readonly BulkDocument[] {
  const { feedback: _, ...own } = profile.imapwhy;
  const revision = SAID + Date.parse(statement.at) - SAID_SINCE;
  const byModel = withIndicators({ ...profile, imapwhy: { ...own, cause, revision } });
  const { at, session } = statement;
  const document = {
    '@timestamp': at,
    ecs: { version: '9.4.0' },
    event: { kind: 'event', dataset: 'imapwhy.feedback' },
    imapwhy: { feedback: statement, model_cause: cause },
  };
  const target = `${feedbackIndices(namespace)}-${monthOf(Date.parse(at))}`;
  const id = `${session}-${Date.parse(at).toString(36)}`;
  return [
    { kind: 'feedback', target, id, at, version: 1, document, origin: undefined },
    {
      kind: 'profile',
      target: index,
      id: session,
      at: profile['@timestamp'],
      version: revision,
      document: withFeedback(byModel, statement),
      origin: undefined,
    },
  ];
}

/** Profiles of this id, of this id of Dovecot, or whose id begins so. */
export async function findProfiles(request: Request, namespace: string, id: string): Promise<readonly StoredProfile[]> {
  const should: object[] = [{ term: { 'imapwhy.session.id': id } }, { term: { 'imapwhy.session.dovecot_id': id } }];
  if (id.length >= ID_PART_MIN) should.push({ prefix: { 'imapwhy.session.id': id } });
  const query = { bool: { should, minimum_should_match: 1 } };
  const found = (await searchIn(request, profileIndices(namespace), profileHits, { query, size: 20 })).hits.hits;
  return found.map(({ _index: index, _source }) => ({ index, profile: _source }));
}

export async function profilesOf(
  request: Request,
  namespace: string,
  ids: readonly string[],
): Promise<readonly Profile[]> {
  const profiles: Profile[] = [];
  for (let from = 0; from < ids.length; from += HITS_MAX) {
    const query = { terms: { 'imapwhy.session.id': ids.slice(from, from + HITS_MAX) } };
    const found = (await searchIn(request, profileIndices(namespace), profileHits, { query, size: HITS_MAX })).hits
      .hits;
    for (const { _source } of found) profiles.push(_source);
  }
  return profiles;
}

/** All of them, or those about one session, in the order in which they were said. */
export async function statementsOf(
  request: Request,
  namespace: string,
  session?: string,
): Promise<readonly KeptStatement[]> {
  const query = session === undefined ? { match_all: {} } : { term: { 'imapwhy.feedback.session': session } };
  const sort = [{ 'imapwhy.feedback.at': 'asc' }, { 'imapwhy.feedback.session': 'asc' }];
  const kept: KeptStatement[] = [];
  for (let after: readonly unknown[] | undefined; ; ) {
    const body = { query, sort, size: HITS_MAX, ...(after && { search_after: after }) };
    const found = (await searchIn(request, feedbackIndices(namespace), statementHits, body)).hits.hits;
    for (const { _source } of found)
      kept.push({ statement: _source.imapwhy.feedback, cause: _source.imapwhy.model_cause });
    after = found.at(-1)?.sort;
    if (found.length < HITS_MAX || after === undefined) return kept;
  }
}

/** What was just written is found by the next search. */
export async function refresh(request: Request, namespace: string): Promise<void> {
  const indices = `${feedbackIndices(namespace)}-*,${profileIndices(namespace)}-*`;
  demand(await request('POST', `/${indices}/_refresh`), 'refreshing what was written');
}
