/** What the index takes at most: the documents of the lines, serialised before the clock starts, answers thrown away, four requests at once. */
import { Agent, request } from 'node:http';
import { ParsePartition } from '../../cli/stream/parse-partition.ts';
import { readRawRecord } from '../../ingest/kafka/raw-record.ts';
import { eventStream } from '../../outputs/elasticsearch/bulk-document.ts';
import { newRedaction } from '../../processors/redact.ts';
import { parseZone, UTC } from '../../processors/time.ts';
import { TEST_KEY } from '../../test/cli/stream/in-memory.ts';
import type { SampleTopic } from '../../test/servers/streaming-sample.ts';

const AT_ONCE = 4;
const BODY_BYTES = 4 << 20;
const redaction = newRedaction(TEST_KEY);

export interface Documents {
  /** In the order of time, roughly. `target` without the namespace. */
  readonly lines: readonly { readonly family: string; readonly id: string; readonly text: string }[];
  /** How many of them the first records of each topic give, up to a fraction. */
  upTo(fraction: number): number;
}

/** What the parse step makes of the lines. */
export function documentsOf(topics: readonly SampleTopic[]): Documents {
  const perTopic = topics.map(({ topic, records }) => {
    const reader = new ParsePartition({ topic, partition: 0, partitions: 1, zone: UTC, redaction });
    const given: { family: string; id: string; text: string }[][] = [];
    records.forEach((record, offset) => {
      const raw = readRawRecord(
        { offset, timestamp: 0, key: null, value: record.value, headers: new Map(record.headers) },
        { topic, partition: 0 },
      );
      if (!raw) return;
      const { text, near, fingerprint, source: name, clock } = raw;
      const zone = raw.zone === undefined ? undefined : parseZone(raw.zone);
      const origin = { fingerprint, offset: raw.offset, name, zone, clock };
      const { documents } = reader.push([{ offset, timestamp: near ?? 0, text, origin }], Number.POSITIVE_INFINITY);
      given[offset] = documents.map(({ id, family, document }) => ({
        family: eventStream(family, ''),
        id,
        text: document,
      }));
    });
    return given;
  });
  const STEPS = 200;
  const lines = Array.from({ length: STEPS }, (_, step) =>
    perTopic.flatMap((given) =>
      given.slice(Math.round((given.length * step) / STEPS), Math.round((given.length * (step + 1)) / STEPS)).flat(),
    ),
  ).flat();
  return {
    lines,
    upTo: (fraction) =>
      perTopic.reduce((sum, given) => sum + given.slice(0, Math.ceil(fraction * given.length)).flat().length, 0),
  };
}

/** Bodies of bulk requests, in a namespace. */
export function bodiesOf(lines: Documents['lines'], namespace: string): readonly Buffer[] {
  const bodies: Buffer[] = [];
  let body: string[] = [];
  let length = 0;
  const seal = (): void => {
    if (body.length > 0) bodies.push(Buffer.from(body.join('')));
    body = [];
    length = 0;
  };
  for (const { family, id, text } of lines) {
    const entry = `{"create":{"_index":"${family}${namespace}","_id":"${id}"}}\n${text}\n`;
    if (length + entry.length > BODY_BYTES) seal();
    body.push(entry);
    length += entry.length;
  }
  seal();
  return bodies;
}

export async function postAll(url: string, bodies: readonly Buffer[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const queue = [...bodies];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let body = queue.shift(); body !== undefined; body = queue.shift()) await post(agent, url, body);
    }),
  );
  agent.destroy();
}

function post(agent: Agent, url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
    const sent = request(`${url}/_bulk?filter_path=errors`, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`the ceiling met ${response.statusCode}`));
      response.resume().on('end', resolve);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
