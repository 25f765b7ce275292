import type { Command } from 'commander';
import { pauseFor } from '../ingest/kafka/back-off.ts';
import { kafkaConnection } from '../ingest/kafka/config.ts';
import { KafkaError } from '../ingest/kafka/kafka-error.ts';
import { kafkajsKafka } from '../ingest/kafka/kafkajs/client.ts';
import type { Batch, Kafka } from '../ingest/kafka/port.ts';
import type { ElasticsearchConfig } from '../outputs/elasticsearch/config.ts';
import { connect, type Request } from '../outputs/elasticsearch/connection.ts';
import { inspectCluster, valueAt } from '../outputs/elasticsearch/setup/cluster.ts';
import { planSetup } from '../outputs/elasticsearch/setup/plan.ts';
import { terminalText } from '../reports/clean-text.ts';
import { loadModel, ModelError } from './model-directory.ts';
import { type RunConfig, readRunConfig } from './run-config.ts';
import { groupsOf, topicSpecs, topicsOf, tornApart } from './stream/topics.ts';
import { UseError } from './use-error.ts';

/** What was looked at, what was found, and what to do where it is not well. */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly found: string;
  readonly advice?: string;
}

/** A right that is missing shows with the first fetch. */
const READ_MS = 2000;
/** Clocks further apart than this put sessions of different hosts into the wrong order. */
const CLOCK_MS = 2000;

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'Checks what the streaming service needs: connections, rights, topics, templates, clocks and lag; says what to do.',
    )
    .requiredOption('--config <file>', 'the configuration of imapwhy run')
    .option('--json', 'one finding a line')
    .action(async (options: { readonly config: string; readonly json?: true }) => {
      const config = readRunConfig(options.config);
      const findings = await examine(config);
      for (const f of findings) process.stdout.write(options.json ? `${JSON.stringify(f)}\n` : told(f));
      const failed = findings.filter((f) => f.state === 'failed').length;
      if (failed > 0) throw new Error(`${failed} of ${findings.length} checks failed: see above`);
    });
}

function told({ what, state, found, advice }: Finding): string {
  const lines = [`${state.padEnd(7)}  ${what}: ${found}`];
  if (advice !== undefined) lines.push(`         ${advice}`);
  return `${lines.map((line) => terminalText(line)).join('\n')}\n`;
}

export async function examine(config: RunConfig): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  if (config.prediction) findings.push(await examineModel(config.prediction.model));
  const kafka = kafkajsKafka(await kafkaConnection(config.kafka));
  try {
    findings.push(...(await examineKafka(kafka, config)));
  } finally {
    await kafka.close();
  }
  if (config.elasticsearch) findings.push(...(await examineElasticsearch(config.elasticsearch)));
  return findings;
}

/** Without it a process that correlates does not start. */
export async function examineModel(directory: string): Promise<Finding> {
  const what = `prediction model ${directory}`;
  try {
    const { name, side } = await loadModel(directory);
    return { what, state: 'ok', found: `${name}, trained on attempts up to ${side.trained_on.to}` };
  } catch (error) {
    if (!(error instanceof ModelError || error instanceof UseError)) throw error;
    return { what, state: 'failed', found: error.message };
  }
}

async function examineKafka(kafka: Kafka, config: RunConfig): Promise<readonly Finding[]> {
  const what = `Kafka at ${config.kafka.brokers.join(', ')}`;
  const topics = topicsOf(config.kafka.topic_prefix);
  const specs = topicSpecs(config);
  try {
    const described = await kafka.describeTopics(specs.map((s) => s.topic));
    const findings: Finding[] = [{ what, state: 'ok', found: 'answers' }];
    const missing = specs.filter((s) => !described.has(s.topic)).map((s) => s.topic);
    findings.push(
      missing.length === 0
        ? { what: 'topics', state: 'ok', found: `all ${specs.length} are there` }
        : {
            what: 'topics',
            state: 'warning',
            found: `${missing.length} of ${specs.length} are missing: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}`,
            advice: 'imapwhy run makes them when it starts, if it may; else make them beforehand (docs/streaming.md).',
          },
    );
    const torn = tornApart(topics, (topic) => described.get(topic)?.length);
    if (torn !== undefined) findings.push({ what: topics.events, state: 'failed', found: torn });
    const events = described.get(topics.events)?.length;
    if (events !== undefined && events !== config.partitions)
      findings.push({
        what: topics.events,
        state: 'warning',
        found: `has ${events} partitions, the configuration says ${config.partitions}`,
        advice: `Its number is fixed. Set partitions: ${events}, or drain and start with another topic_prefix.`,
      });
    if (!config.correlation) findings.push(await correlationOf(kafka, config));
    findings.push(await mayRead(kafka, config, new Set(described.keys())));
    findings.push(await mayWrite(kafka, config));
    for (const { group, reads } of groupsOf(config)) findings.push(await lagOf(kafka, group, reads));
    return findings;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return [{ what, state: 'failed', found: `${error.message} (${error.code})` }];
  }
}

/** As a member of a group of its own, which commits nothing: what a worker needs to read, a right to the group and to each topic. */
async function mayRead(kafka: Kafka, config: RunConfig, there: ReadonlySet<string>): Promise<Finding> {
  const what = 'reading';
  const topics = groupsOf(config)
    .flatMap(({ reads }) => reads)
    .filter((topic) => there.has(topic));
  if (topics.length === 0) return { what, state: 'ok', found: 'there is nothing to read yet' };
  const refused = Promise.withResolvers<KafkaError>();
  const group = `${config.kafka.topic_prefix}.doctor`;
  const over = new AbortController();
  try {
    const handler = { batch: async ({ lease }: Batch) => lease.pause(), failed: refused.resolve };
    const consumption = await kafka.consume({ group, topics }, handler);
    const waited = pauseFor(READ_MS, over.signal).then(() => undefined);
    const trouble = await Promise.race([refused.promise, waited]);
    over.abort();
    await consumption.stop();
    if (trouble) throw trouble;
    return { what, state: 'ok', found: `${topics.length} topics may be read` };
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return {
      what,
      state: 'failed',
      found: `${error.message} (${error.code})`,
      advice: `Allow Read and Describe on the topics that are read, and Read on groups that begin with ${config.kafka.topic_prefix}.`,
    };
  }
}

/** An empty transaction needs the right to write the transactional id, as each worker does. */
async function mayWrite(kafka: Kafka, config: RunConfig): Promise<Finding> {
  const what = 'transactions';
  try {
    const transactor = await kafka.transactor(`${config.kafka.topic_prefix}.doctor`);
    await transactor.close();
    return { what, state: 'ok', found: 'may be made' };
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    const id = `${config.kafka.topic_prefix}.`;
    return {
      what,
      state: 'failed',
      found: `${error.message} (${error.code})`,
      advice: `Allow Write and Describe on transactional ids that begin with ${id}, and Read on groups that begin so.`,
    };
  }
}

/** It is off here; where somebody correlates all the same, the sessions lack the lines that are read here, and wait for them. */
async function correlationOf(kafka: Kafka, config: RunConfig): Promise<Finding> {
  const what = 'correlation';
  const sessions = groupsOf({ ...config, correlation: true }).find(({ step }) => step === 'sessions');
  const there = await kafka.describeTopics(sessions?.reads ?? []);
  for (const topic of there.keys())
    if ((await kafka.committedOffsets(sessions?.group ?? '', topic)).size > 0)
      return {
        what,
        state: 'warning',
        found: `is off, but the group ${sessions?.group} has read ${topic}`,
        advice:
          'If processes with the role correlate still run, stop them or leave correlation: false out of this configuration.',
      };
  return { what, state: 'ok', found: 'is off: lines are parsed and indexed, nobody joins them into sessions' };
}

async function lagOf(kafka: Kafka, group: string, reads: readonly string[]): Promise<Finding> {
  const described = await kafka.describeTopics(reads);
  let lag = 0;
  let isNew = true;
  for (const [topic, ranges] of described) {
    const committed = await kafka.committedOffsets(group, topic);
    if (committed.size > 0) isNew = false;
    for (const { partition, begin, end } of ranges) lag += end - Math.max(begin, committed.get(partition) ?? begin);
  }
  const what = `group ${group}`;
  if (isNew)
    return {
      what,
      state: lag > 0 ? 'warning' : 'ok',
      found: `has never read; ${lag} records wait`,
      ...(lag > 0 && { advice: 'Start imapwhy run with this role.' }),
    };
  return { what, state: 'ok', found: `${lag} records not done` };
}

async function examineElasticsearch(config: ElasticsearchConfig): Promise<readonly Finding[]> {
  const what = `Elasticsearch at ${config.nodes?.join(', ') ?? 'the cloud id'}`;
  const connection = connect(config);
  try {
    const findings: Finding[] = [];
    const cluster = await inspectCluster(connection.request);
    findings.push({ what, state: 'ok', found: `${cluster.version} answers; lifecycle: ${cluster.offer.lifecycle}` });
    const clock = await clockOf(connection.request);
    if (clock) findings.push(clock);
    const steps = await planSetup(connection.request, cluster, { eventDays: undefined, pipelineDays: undefined });
    const open = steps.filter((s) => s.state === 'new' || s.state === 'changed');
    findings.push(
      open.length === 0
        ? { what: 'templates', state: 'ok', found: `all ${steps.length} are there` }
        : {
            what: 'templates',
            state: 'failed',
            found: `${open.length} of ${steps.length} are missing or differ: ${open[0]?.what}`,
            advice:
              'imapwhy setup puts them there; --diff shows what differs. Without them documents get guessed mappings.',
          },
    );
    return findings;
  } catch (error) {
    return [{ what, state: 'failed', found: error instanceof Error ? error.message : String(error) }];
  } finally {
    await connection.close();
  }
}

/** A node says when it counted; undefined if it may not be asked. */
async function clockOf(request: Request): Promise<Finding | undefined> {
  const before = Date.now();
  const { body } = await request('GET', '/_nodes/_local/stats/os', undefined, {
    query: { filter_path: 'nodes.*.timestamp' },
  });
  const nodes = valueAt(body, ['nodes']);
  const [first] = typeof nodes === 'object' && nodes !== null ? Object.values(nodes) : [];
  const timestamp = valueAt(first, ['timestamp']);
  if (typeof timestamp !== 'number') return undefined;
  const apart = timestamp - (before + Date.now()) / 2;
  const what = 'clock';
  if (Math.abs(apart) <= CLOCK_MS) return { what, state: 'ok', found: 'as that of Elasticsearch' };
  return {
    what,
    state: 'warning',
    found: `${Math.round(Math.abs(apart) / 1000)} s ${apart > 0 ? 'behind' : 'ahead of'} that of Elasticsearch`,
    advice: 'Let both hosts keep time by NTP (chronyc tracking).',
  };
}
