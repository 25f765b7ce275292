/** An Elasticsearch of forty lines with virtual time, which fails as it is told to: for the writer's own decisions, thousands of times a second. */
import { type BulkAnswer, type Meaning, meaningOf } from '../../../outputs/elasticsearch/bulk-answer.ts';
import type { BulkPlace } from '../../../outputs/elasticsearch/bulk-document.ts';
import type { VirtualClock } from '../../virtual-clock.ts';

/** What happens to one request. */
export type Fault =
  | 'none'
  | 'unreachable' // before anything was applied
  | 'lost' // applied, the answer is lost
  | 'partly' // applied in part, the answer is lost
  | 'hang' // applied, no answer until the time limit
  | 'cut' // an answer with an item too few
  | 'busy' // 429 as a whole
  | 'down' // 503 as a whole
  | 'some-busy' // 429 for every second item
  | 'disk-full'; // 500 i_o_exception for each item

export interface ServerBehaviour {
  faultOf(request: number): Fault;
  readonly bytesMax: number;
  readonly answerMs: number;
}

const TIME_LIMIT_MS = 60_000;

export class BulkServer {
  /** Target and id to the text that is stored. */
  readonly stored = new Map<string, string>();
  requests = 0;
  underWay = 0;
  underWayMost = 0;
  readonly #clock: VirtualClock;
  readonly #behaviour: ServerBehaviour;

  constructor(clock: VirtualClock, behaviour: ServerBehaviour) {
    this.#clock = clock;
    this.#behaviour = behaviour;
  }

  async post(body: Buffer, documents: readonly BulkPlace[]): Promise<Meaning> {
    const fault = this.#behaviour.faultOf(this.requests++);
    const lines = body.toString().split('\n');
    this.underWay++;
    this.underWayMost = Math.max(this.underWayMost, this.underWay);
    await this.#clock.wait(fault === 'hang' ? TIME_LIMIT_MS : this.#behaviour.answerMs);
    this.underWay--;
    return meaningOf(
      this.#answer(fault, lines, body.length),
      documents.map((document) => document.id),
    );
  }

  #answer(fault: Fault, lines: readonly string[], bytes: number): BulkAnswer {
    const whole = (status: number, type: string): BulkAnswer => ({
      kind: 'answer',
      status,
      body: { error: { type, reason: '' }, status },
      retryAfter: undefined,
    });
    if (fault === 'unreachable') return { kind: 'failure', trouble: 'unreachable', message: 'ECONNREFUSED' };
    if (fault === 'busy') return whole(429, 'es_rejected_execution_exception');
    if (fault === 'down') return whole(503, 'master_not_discovered_exception');
    if (bytes > this.#behaviour.bytesMax) return whole(413, 'too_long');
    if (lines.some((line) => line.includes('"spoils"'))) return whole(400, 'action_request_validation_exception');
    const items: object[] = [];
    for (let i = 0; i + 1 < lines.length; i += 2) {
      if (fault === 'partly' && i > lines.length / 2) break;
      items.push(this.#apply(fault, i / 2, lines[i] ?? '', lines[i + 1] ?? ''));
    }
    if (fault === 'lost' || fault === 'partly')
      return { kind: 'failure', trouble: 'unreachable', message: 'ECONNRESET' };
    if (fault === 'hang') return { kind: 'failure', trouble: 'timeout', message: 'no answer' };
    if (fault === 'cut') items.pop();
    return { kind: 'answer', status: 200, body: { items }, retryAfter: undefined };
  }

  #apply(fault: Fault, index: number, actionLine: string, text: string): object {
    const action = JSON.parse(actionLine);
    const name = action.create ? 'create' : 'index';
    const { _index, _id, version } = action[name];
    const item = (status: number, type?: string) => ({
      [name]: { _index, _id, status, ...(type ? { error: { type, reason: 'r' } } : {}) },
    });
    if (fault === 'some-busy' && index % 2 === 0) return item(429, 'es_rejected_execution_exception');
    if (fault === 'disk-full') return item(500, 'i_o_exception');
    if (text.includes('"poison"')) return item(400, 'document_parsing_exception');
    if (text.includes('"breaks"')) return item(500, 'null_pointer_exception');
    const key = `${_index}/${_id}`;
    const before = this.stored.get(key);
    if (before !== undefined && (version === undefined || version <= JSON.parse(before).version))
      return item(409, 'conflict');
    this.stored.set(key, text);
    return item(before === undefined ? 201 : 200);
  }
}
