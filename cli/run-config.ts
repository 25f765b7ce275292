import * as v from 'valibot';
import { kafkaSection } from '../ingest/kafka/config.ts';
import { elasticsearchConfig } from '../outputs/elasticsearch/config.ts';
import { kibanaConfig } from '../outputs/kibana/config.ts';
import { type CivilZone, parseZone } from '../processors/time.ts';
import { issuesText, type LineOf, readConfig } from './config-file.ts';
import { siteSection } from './site-file.ts';
import { UseError } from './use-error.ts';

export const ROLES = ['parse', 'correlate', 'index'] as const;
export type Role = (typeof ROLES)[number];

const whole = (from: number, to: number) => v.pipe(v.number(), v.integer(), v.minValue(from), v.maxValue(to));
const zone = v.pipe(
  v.string(),
  v.check(
    (name) => parseZone(name) !== undefined,
    'is no time zone: write an IANA name (Europe/Warsaw), UTC, or an offset (+02:00)',
  ),
);

const input = v.strictObject({
  topic: v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9._-]{1,249}$/, 'may hold letters, digits, dots, dashes and underscores'),
  ),
  /** Of stamps that carry none. */
  zone: v.optional(zone, 'UTC'),
  /** Made with so many partitions if it is not there. */
  partitions: v.optional(whole(1, 1000), 1),
});

/** The configuration of `imapwhy run`, as people write it. */
const sections = v.strictObject({
  kafka: kafkaSection,
  elasticsearch: v.optional(elasticsearchConfig),
  /** For `imapwhy setup` alone. */
  kibana: v.optional(kibanaConfig),
  /** With a model that `imapwhy train` wrote, each session gets the risk that was known before it began. */
  prediction: v.optional(v.strictObject({ model: v.pipe(v.string(), v.minLength(1, 'names no folder')) })),
  /** Of the causes, as `imapwhy fit causes` wrote them; the shipped ones when left out. */
  weights: v.optional(v.pipe(v.string(), v.minLength(1, 'names no file'))),
  /** All that there are when left out. */
  roles: v.optional(v.pipe(v.array(v.picklist(ROLES)), v.minLength(1, 'names no role'))),
  /** false: lines are parsed and indexed, and nobody joins them into sessions. For all processes of a deployment alike. */
  correlation: v.optional(v.boolean(), true),
  inputs: v.pipe(v.array(input), v.minLength(1, 'names no topic to read')),
  /** What the site says of addresses. */
  site: v.optional(siteSection),
  /** Partitions of sessions: at most so many processes correlate. Fixed once the topic is there. */
  partitions: v.optional(whole(1, 256), 8),
  /** Replicas of the topics that are made; the brokers' default when left out. */
  replication: v.optional(whole(1, 10)),
  /** A process without a sign of life for so long is taken for dead, and its partitions go to others. */
  session_seconds: v.optional(whole(1, 600), 30),
  /** A partition without a record for so long is silent, and time goes on without it. */
  idle_seconds: v.optional(whole(1, 86_400), 30),
  /** Events that wait in memory at most for an input that is behind the others in time. */
  waiting_events: v.optional(whole(1000, 100_000_000), 300_000),
  snapshot_seconds: v.optional(whole(1, 3600), 30),
  /** How often each process reports what it did, for the dashboard Pipeline health. */
  report_seconds: v.optional(whole(1, 3600), 60),
  /** What a stop waits for at most. */
  drain_seconds: v.optional(whole(1, 600), 25),
});
const runConfig = v.pipe(
  sections,
  v.transform((config) => ({ ...config, roles: config.roles ?? rolesOf(config.correlation) })),
);
export type RunConfig = v.InferOutput<typeof runConfig>;

const rolesOf = (correlation: boolean): Role[] => ROLES.filter((role) => correlation || role !== 'correlate');

/** Reads and checks a configuration file. Throws a UseError that names the place in it. */
export function readRunConfig(file: string): RunConfig {
  const { data, lineOf } = readConfig(file);
  return checked(data, file, lineOf);
}

export function checked(data: unknown, file: string, lineOf?: LineOf): RunConfig {
  const result = v.safeParse(runConfig, data);
  if (!result.success) {
    throw new UseError(
      `${file} is no configuration that can be used: ${issuesText(result.issues, lineOf)}. docs/streaming.md shows every setting.`,
    );
  }
  const config = result.output;
  if (config.roles.includes('index') && !config.elasticsearch)
    throw new UseError(
      `${file}: the role index needs the section elasticsearch. Add it, or set roles: [parse, correlate].`,
    );
  if (!config.correlation && config.roles.includes('correlate'))
    throw new UseError(
      `${file}: correlation is false, so nobody has the role correlate. Take it out of roles, or leave correlation out.`,
    );
  if (!config.correlation && config.prediction)
    throw new UseError(`${file}: a prediction is made of sessions, and correlation is false. Leave one of them out.`);
  const names = config.inputs.map((i) => i.topic);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UseError(`${file}: inputs names ${twice} twice.`);
  return config;
}

export function zoneOf(config: RunConfig): (topic: string) => CivilZone {
  const zones = new Map<string, CivilZone>();
  const fallback = parseZone('UTC');
  for (const { topic, zone: name } of config.inputs) {
    const parsed = parseZone(name);
    if (parsed) zones.set(topic, parsed);
  }
  return (topic) => {
    const found = zones.get(topic) ?? fallback;
    if (!found) throw new Error('UTC is a time zone');
    return found;
  };
}
