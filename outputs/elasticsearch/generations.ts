import { messageOf } from '../output-error.ts';
import { type Meaning, type Trouble, type Verdict, wholeTrouble } from './bulk-answer.ts';
import type { BulkPlace } from './bulk-document.ts';
import { type Answer, type Request, troubleOf } from './connection.ts';

/** The backing indices of a data stream before the one that is written to. They take no new documents, so what they hold is fixed. */
interface OlderIndex {
  readonly name: string;
  readonly from: string; // event times that it holds, ISO 8601
  readonly to: string;
}

interface Stream {
  readonly writeIndex: string | undefined; // undefined: there is none yet
  readonly older: readonly OlderIndex[];
}

interface Lookup {
  readonly document: BulkPlace;
  readonly index: string;
}

type Post = (body: Buffer, documents: readonly BulkPlace[]) => Promise<Meaning>;

/** A bulk request of another process may have been on its way into the older index when it was measured. */
const MARGIN_MS = 60_000;
const EVER: Pick<OlderIndex, 'from' | 'to'> = { from: '', to: '~' };
const PRESENT: Verdict = { kind: 'present' };

/**
 * Keeps an event single over a rollover. `create` looks for the id in the newest backing index of a data stream only; so a replayed event whose time lies in what an older
 * one holds is looked up there first. In steady running no event is that old, and nothing is asked. If a rollover happens while documents are on their way, those that
 * came into the new index are looked up afterwards. A second copy, also one that a killed process left, is removed when its event comes again; the oldest one stays.
 */
export class Generations {
  readonly #request: Request;
  readonly #streams = new Map<string, Stream>();

  constructor(request: Request) {
    this.#request = request;
  }

  /** `body` holds `documents`; what is already there is left out, the rest goes through `post`. The meaning speaks of all documents. */
  async post(body: Buffer, documents: readonly BulkPlace[], post: Post): Promise<Meaning> {
    try {
      await this.#learn(documents);
      const known = await this.#find(documents);
      const meaning = await this.#postUnknown(body, documents, known, post);
      return meaning.kind === 'items' ? await this.#checkIndices(documents, meaning.verdicts) : meaning;
    } catch (error) {
      // Whatever was written meanwhile will be met again: as a document that is there, and once too often if a rollover came between.
      for (const { target } of documents) this.#streams.delete(target);
      const trouble = error instanceof Declined ? error.trouble : troubleOf(error);
      return { kind: 'again', trouble, reason: messageOf(error), retryAfter: undefined };
    }
  }

  async #postUnknown(
    body: Buffer,
    documents: readonly BulkPlace[],
    known: ReadonlySet<BulkPlace>,
    post: Post,
  ): Promise<Meaning> {
    if (known.size === 0) return post(body, documents);
    const rest = documents.filter((document) => !known.has(document));
    if (rest.length === 0) return { kind: 'items', verdicts: documents.map(() => PRESENT) };
    const meaning = await post(without(body, documents, known), rest);
    if (meaning.kind !== 'items') return meaning;
    const verdicts = meaning.verdicts.values();
    return {
      kind: 'items',
      verdicts: documents.map((document) => (known.has(document) ? PRESENT : (verdicts.next().value ?? PRESENT))),
    };
  }

  /** Asks once for each stream which backing indices it has. */
  async #learn(documents: readonly BulkPlace[]): Promise<void> {
    const unknown = new Set<string>();
    for (const { target, version } of documents)
      if (version === undefined && !this.#streams.has(target)) unknown.add(target);
    for (const target of unknown) this.#streams.set(target, await this.#ask(target));
  }

  async #ask(target: string): Promise<Stream> {
    const answer = await this.#request(
      'GET',
      `/${encodeURIComponent(target)}/_settings/index.creation_date`,
      undefined,
      {
        query: { master_timeout: '5s' }, // without a master, to hear so rather than to wait
      },
    );
    if (answer.status === 404) return { writeIndex: undefined, older: [] };
    demand(answer, `the backing indices of ${target}`);
    const names = Object.keys(recordOf(answer.body)).sort(byGeneration);
    const older: OlderIndex[] = [];
    for (const name of names.slice(0, -1)) older.push(await this.#measure(name));
    return { writeIndex: names.at(-1), older };
  }

  async #measure(name: string): Promise<OlderIndex> {
    const path = encodeURIComponent(name);
    // Without the right to refresh, documents may be there that a search does not see: then every event is looked up.
    const refreshed = await this.#request('POST', `/${path}/_refresh`);
    if (refreshed.status !== 200) return { name, ...EVER };
    const answer = await this.#request('POST', `/${path}/_search`, {
      size: 0,
      aggs: { from: { min: { field: '@timestamp' } }, to: { max: { field: '@timestamp' } } },
    });
    demand(answer, `the times of ${name}`);
    const aggregations = recordOf(recordOf(answer.body).aggregations);
    const from = recordOf(aggregations.from).value;
    const to = recordOf(aggregations.to).value;
    if (typeof from !== 'number' || typeof to !== 'number') return { name, from: '~', to: '' }; // it is empty
    return { name, from: new Date(from - MARGIN_MS).toISOString(), to: new Date(to + MARGIN_MS).toISOString() };
  }

  /** Those of the documents that an older index holds. Copies in newer ones are removed. */
  async #find(documents: readonly BulkPlace[]): Promise<ReadonlySet<BulkPlace>> {
    const lookups: Lookup[] = [];
    for (const document of documents) {
      if (document.version !== undefined) continue;
      const stream = this.#streams.get(document.target);
      const mayBeIn = stream?.older.findIndex(({ from, to }) => document.at >= from && document.at <= to) ?? -1;
      if (stream === undefined || mayBeIn < 0) continue;
      const newer = stream.older.slice(mayBeIn).map(({ name }) => name);
      for (const index of [...newer, stream.writeIndex ?? '']) lookups.push({ document, index });
    }
    const met = new Set<BulkPlace>();
    const found = new Set<BulkPlace>();
    const copies: Lookup[] = [];
    const isThere = await this.#lookUp(lookups);
    for (const [i, lookup] of lookups.entries()) {
      if (isThere[i] !== true) continue;
      if (met.has(lookup.document)) copies.push(lookup);
      else if (lookup.index !== this.#streams.get(lookup.document.target)?.writeIndex) found.add(lookup.document);
      met.add(lookup.document);
    }
    for (const { document, index } of copies) {
      const answer = await this.#request(
        'DELETE',
        `/${encodeURIComponent(index)}/_doc/${encodeURIComponent(document.id)}`,
      );
      if (answer.status !== 404) demand(answer, `the second copy of ${document.id}`);
    }
    return found;
  }

  async #lookUp(lookups: readonly Lookup[]): Promise<readonly boolean[]> {
    if (lookups.length === 0) return [];
    const docs = lookups.map(({ document, index }) => ({ _index: index, _id: document.id, _source: false }));
    const query = { filter_path: 'docs.found,docs.error.type' };
    const answer = await this.#request('POST', '/_mget', { docs }, { query });
    demand(answer, 'events in older indices');
    const answers = recordOf(answer.body).docs;
    if (!Array.isArray(answers) || answers.length !== docs.length)
      throw new Declined('unreadable', `looking up ${docs.length} events gave another number of answers`);
    return answers.map((one: unknown, i) => {
      const { found } = recordOf(one);
      // An index that the lifecycle has removed meanwhile, for one.
      if (typeof found !== 'boolean')
        throw new Declined('failing', `an event could not be looked up in ${docs[i]?._index}`);
      return found;
    });
  }

  /** Documents that were created in an index that we did not know: the stream rolled over. */
  async #checkIndices(documents: readonly BulkPlace[], verdicts: readonly Verdict[]): Promise<Meaning> {
    const moved: BulkPlace[] = [];
    for (const [i, document] of documents.entries()) {
      const verdict = verdicts[i];
      if (document.version !== undefined || verdict?.kind !== 'written') continue;
      const stream = this.#streams.get(document.target);
      if (stream?.writeIndex === verdict.index) continue;
      if (stream !== undefined && stream.writeIndex === undefined && generationOf(verdict.index) === 1)
        this.#streams.set(document.target, { writeIndex: verdict.index, older: [] });
      else moved.push(document);
    }
    if (moved.length === 0) return { kind: 'items', verdicts };
    for (const target of new Set(moved.map((document) => document.target)))
      this.#streams.set(target, await this.#ask(target));
    const twice = await this.#find(moved);
    return {
      kind: 'items',
      verdicts: documents.map((document, i) => (twice.has(document) ? PRESENT : (verdicts[i] ?? PRESENT))),
    };
  }
}

/** The cluster did not say what we have to know. */
class Declined extends Error {
  override readonly name = 'Declined';
  readonly trouble: Trouble;

  constructor(trouble: Trouble, message: string) {
    super(message);
    this.trouble = trouble;
  }
}

/** The body less the lines of some documents. Each has two lines, and a line holds no line feed. */
function without(body: Buffer, documents: readonly BulkPlace[], known: ReadonlySet<BulkPlace>): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (const document of documents) {
    const end = body.indexOf(10, body.indexOf(10, start) + 1) + 1;
    if (!known.has(document)) parts.push(body.subarray(start, end));
    start = end;
  }
  return Buffer.concat(parts);
}

/** `.ds-NAME-2026.11.24-000002`: by the number at the end, which grows beyond six digits. */
function byGeneration(a: string, b: string): number {
  return generationOf(a) - generationOf(b) || (a < b ? -1 : 1);
}

const generationOf = (name: string): number => Number(/-(\d+)$/.exec(name)?.[1] ?? 0);

function demand(answer: Answer, what: string): void {
  if (answer.status < 200 || answer.status >= 300)
    throw new Declined(
      wholeTrouble(answer.status),
      `asking for ${what} gave ${answer.status}: ${JSON.stringify(answer.body)?.slice(0, 500)}`,
    );
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
