import { deadLetterTopic } from '../../ingest/kafka/dead-letter.ts';
import type { Kafka, TopicSpec } from '../../ingest/kafka/port.ts';
import type { RunConfig } from '../run-config.ts';
import { UseError } from '../use-error.ts';

/** The topics of a deployment, beside the raw ones. A prefix keeps several deployments in one cluster apart. */
export interface Topics {
  readonly events: string;
  readonly facts: string;
  readonly documents: string;
  readonly profiles: string;
  readonly incidents: string;
  readonly anomalies: string;
  readonly likely: string;
  readonly pipeline: string;
  readonly parseState: string;
  readonly sessionsState: string;
  readonly siteState: string;
}

export function topicsOf(prefix: string): Topics {
  return {
    events: `${prefix}.events`,
    facts: `${prefix}.facts`,
    documents: `${prefix}.documents`,
    profiles: `${prefix}.profiles`,
    incidents: `${prefix}.incidents`,
    anomalies: `${prefix}.anomalies`,
    likely: `${prefix}.likely`,
    pipeline: `${prefix}.pipeline`,
    parseState: `${prefix}.parse.state`,
    sessionsState: `${prefix}.sessions.state`,
    siteState: `${prefix}.site.state`,
  };
}

/** Longer than anybody may be away; what is older can be read no more after a restart. */
const KEPT_MS = 3 * 86_400_000;
const LOG = { 'retention.ms': String(KEPT_MS) };
/** A dead letter is its record and the headers that say why: larger than what the record's own topic takes at most. */
const DEAD_LETTERS = { 'max.message.bytes': '16777216' };
const STATE = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.3', 'segment.ms': '3600000' };

/** Every topic that the service needs, as it would be made. */
export function topicSpecs(config: RunConfig): readonly TopicSpec[] {
  const topics = topicsOf(config.kafka.topic_prefix);
  const { partitions, replication } = config;
  const specs: TopicSpec[] = [
    ...config.inputs.map((i) => ({ topic: i.topic, partitions: i.partitions })),
    { topic: topics.documents, partitions, config: LOG },
    { topic: topics.pipeline, partitions: 1, config: LOG },
    { topic: topics.parseState, partitions: 1, config: STATE },
  ];
  if (config.correlation)
    specs.push(
      { topic: topics.events, partitions, config: LOG },
      { topic: topics.facts, partitions: 1, config: LOG },
      { topic: topics.profiles, partitions, config: STATE },
      { topic: topics.incidents, partitions: 1, config: STATE },
      { topic: topics.anomalies, partitions: 1, config: STATE },
      { topic: topics.likely, partitions: 1, config: LOG },
      { topic: topics.sessionsState, partitions, config: STATE },
      { topic: topics.siteState, partitions: 1, config: STATE },
    );
  for (const topic of groupsOf(config).flatMap((g) => g.reads))
    specs.push({ topic: deadLetterTopic(topic), partitions: 1, config: DEAD_LETTERS });
  return replication === undefined ? specs : specs.map((s) => ({ ...s, replication }));
}

export interface Group {
  readonly step: 'parse' | 'sessions' | 'site' | 'index';
  readonly group: string;
  readonly reads: readonly string[];
}

/** The consumer groups, and what each of them reads. */
export function groupsOf(config: RunConfig): readonly Group[] {
  const prefix = config.kafka.topic_prefix;
  const topics = topicsOf(prefix);
  const { documents, profiles, incidents, anomalies, likely, pipeline } = topics;
  const parse = { step: 'parse', reads: config.inputs.map((i) => i.topic) } as const;
  const steps: readonly Omit<Group, 'group'>[] = config.correlation
    ? [
        parse,
        { step: 'sessions', reads: [topics.events] },
        { step: 'site', reads: [topics.facts] },
        { step: 'index', reads: [documents, profiles, incidents, anomalies, likely, pipeline] },
      ]
    : [parse, { step: 'index', reads: [documents, pipeline] }];
  return steps.map((s) => ({ ...s, group: `${prefix}.${s.step}` }));
}

/** What keeps a deployment from going on: sessions are dealt out by the number of partitions, and their state lies beside them. Undefined where nothing does. */
export function tornApart(topics: Topics, count: (topic: string) => number | undefined): string | undefined {
  const [events, states] = [count(topics.events), count(topics.sessionsState)];
  if (events === undefined || states === undefined || events === states) return undefined;
  return `${topics.events} has ${events} partitions and ${topics.sessionsState} has ${states}: one of them was changed, and what is open would be torn apart. Stop all processes and start with another topic_prefix: it reads the raw topics anew, and finds documents that are there under their ids.`;
}

/** Makes the topics that are missing. Returns how many partitions each one has. Throws a UseError where they do not fit together. */
export async function prepareTopics(kafka: Kafka, config: RunConfig): Promise<ReadonlyMap<string, number>> {
  const specs = topicSpecs(config);
  await kafka.createTopics(specs);
  const described = await kafka.describeTopics(specs.map((s) => s.topic));
  const torn = tornApart(topicsOf(config.kafka.topic_prefix), (topic) => described.get(topic)?.length);
  if (torn !== undefined) throw new UseError(torn);
  return new Map([...described].map(([topic, ranges]) => [topic, ranges.length]));
}
