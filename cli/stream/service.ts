import { hostname } from 'node:os';
import { backOffMs, pauseFor } from '../../ingest/kafka/back-off.ts';
import { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { ConsumeHandler, Consumption, Kafka, Producer } from '../../ingest/kafka/port.ts';
import type { CauseModel } from '../../models/cause/decide.ts';
import type { UsableModel } from '../../models/prediction/forecast.ts';
import { type ElasticsearchOutput, openElasticsearch } from '../../outputs/elasticsearch/elasticsearch.ts';
import { troubleText } from '../../outputs/elasticsearch/trouble-text.ts';
import { pipelineId } from '../../outputs/pipeline-document.ts';
import { DEFAULT_CORRELATE_OPTIONS } from '../../processors/correlate/options.ts';
import type { KnownTimer } from '../../processors/profile/known-timers.ts';
import type { Redaction } from '../../processors/redact.ts';
import { type RunConfig, zoneOf } from '../run-config.ts';
import { knownAddresses } from '../site-file.ts';
import { Counters } from './counters.ts';
import { IndexWorker } from './index-worker.ts';
import { ParseWorker } from './parse-worker.ts';
import { counted, PipelineReport, type PipelineState } from './pipeline-report.ts';
import { sessionsUnit } from './sessions-partition.ts';
import { SessionsWorker } from './sessions-worker.ts';
import { SiteWorker } from './site-worker.ts';
import { type Group, groupsOf, prepareTopics, topicsOf } from './topics.ts';
import type { WorkerContext } from './worker.ts';

export interface ServiceWorld {
  readonly kafka: Kafka;
  readonly redaction: Redaction;
  readonly model: CauseModel;
  readonly timers: readonly KnownTimer[];
  /** What predicts, where there is a model. */
  readonly prediction?: UsableModel | undefined;
  readonly log: (line: string) => void;
}

export interface Service {
  readonly counters: Counters;
  /** Finishes what is in hand, as far as the deadline allows. */
  stop(): Promise<void>;
  /** What would be left if the process ended now, for people. */
  left(): string;
}

/**
 * Each batch is a transaction of five requests, or a bulk request: under a small load that is most of what a line costs, for us and for the broker. Lines are to be found within seconds;
 * sessions are told minutes after their last line.
 */
const GATHER_MS = { parse: 500, index: 500, sessions: 1_000, site: 1_000 } as const;

/** Where lines are joined, four steps hold pieces at the same time: small ones take a quarter less memory. Who only parses is faster with large ones, by half. */
const SMALL_PIECE = 128 * 1024;
const LARGE_PIECE = 512 * 1024;

/**
 * The whole flow on one screen: raw topics -> parse -> events by address -> sessions -> facts -> site -> profiles, incidents,
 * anomalies and who is likely to fail next -> index. Each arrow is
 * a topic, each step a consumer group: start the same again, and Kafka divides the partitions anew.
 */
export async function startService(config: RunConfig, world: ServiceWorld): Promise<Service> {
  const { kafka, log } = world;
  const counters = new Counters();
  const context: WorkerContext = { kafka, counters, log };
  const topics = topicsOf(config.kafka.topic_prefix);
  const partitionsOf = await patiently('topics', log, () => prepareTopics(kafka, config));
  const count = (topic: string): number => partitionsOf.get(topic) ?? 0;
  if (config.correlation && count(topics.events) !== config.partitions)
    log(
      `${topics.events} has ${count(topics.events)} partitions, which counts; the configuration says ${config.partitions}.`,
    );
  const rawUnits = config.inputs.flatMap(({ topic }) =>
    Array.from({ length: count(topic) }, (_, p) => `${topic}/${p}`),
  );
  const sessionUnits = Array.from({ length: count(topics.events) }, (_, p) => sessionsUnit(p));
  const consumptions: Consumption[] = [];
  const closing: (() => unknown)[] = [];
  const groups = new Map(groupsOf(config).map((g) => [g.step, g]));
  const consume = async (step: Group['step'], handler: ConsumeHandler): Promise<void> => {
    const { group = '', reads = [] } = groups.get(step) ?? {};
    const sessionTimeoutMs = config.session_seconds * 1000;
    const pieceBytesMax = config.correlation ? SMALL_PIECE : LARGE_PIECE;
    const options = { group, topics: reads, sessionTimeoutMs, gatherMs: GATHER_MS[step], pieceBytesMax };
    consumptions.push(await patiently(step, log, () => kafka.consume(options, handler)));
  };
  const { roles } = config;
  let output: ElasticsearchOutput | undefined;
  let sessions: SessionsWorker | undefined;
  const stateful: { readonly lag: number }[] = [];
  if (roles.includes('index') && config.elasticsearch) {
    const { nodes = ['the cloud id'] } = config.elasticsearch;
    const elasticsearch = openElasticsearch(config.elasticsearch, {
      troubled: (state) =>
        log(state ? `index: ${troubleText(state, nodes)}; reading waits` : 'index: Elasticsearch answers again'),
    });
    const producer = await kafka.producer();
    output = elasticsearch;
    const { namespace } = config.elasticsearch;
    await consume('index', new IndexWorker({ topics, namespace, output: elasticsearch }, producer, context));
    closing.push(
      () => producer.close(),
      () => elasticsearch.close(),
    );
  }
  if (roles.includes('correlate')) {
    const correlate = { ...DEFAULT_CORRELATE_OPTIONS, known: knownAddresses(config.site) };
    const { model, timers, prediction } = world;
    const snapshotMs = config.snapshot_seconds * 1000;
    const site = new SiteWorker(
      { topics, units: sessionUnits, correlate, model, timers, prediction, snapshotMs },
      context,
    );
    sessions = new SessionsWorker({ topics, units: rawUnits, correlate }, context);
    stateful.push(site, sessions);
    await consume('site', site);
    await consume('sessions', sessions);
  }
  if (roles.includes('parse')) {
    const parse = new ParseWorker(
      {
        topics,
        partitions: config.correlation ? count(topics.events) : 0,
        documentPartitions: count(topics.documents),
        zoneOf: zoneOf(config),
        redaction: counted(world.redaction, counters),
        idleMs: config.idle_seconds * 1000,
        units: rawUnits,
        waitingMax: config.waiting_events,
        straight: output && { output, namespace: config.elasticsearch?.namespace ?? '' },
      },
      context,
    );
    stateful.push(parse);
    if (config.correlation) await patiently('parse', log, () => parse.follow());
    await consume('parse', parse);
    closing.push(() => parse.close());
  }
  const stateNow = (): PipelineState => {
    const { user, system } = process.cpuUsage();
    return {
      sessionsOpen: sessions?.openSessions ?? 0,
      pendingBytes: output?.pendingBytes ?? 0,
      lag: stateful.reduce((sum, { lag }) => sum + lag, 0),
      watermarkLagMs: sessions?.watermarkLagMs(Date.now()) ?? null,
      rssBytes: process.memoryUsage.rss(),
      cpuMs: (user + system) / 1000,
      repeated: output?.counters.repeated ?? 0,
    };
  };
  const reporting = await reportEvery(config.report_seconds * 1000, {
    report: new PipelineReport(
      `${hostname()}-${process.pid}-${Date.now().toString(36)}`,
      roles,
      hostname(),
      Date.now(),
    ),
    producer: await kafka.producer(),
    topic: topics.pipeline,
    counters,
    stateNow,
    log,
  });
  return {
    counters,
    left() {
      const { lag, pendingBytes } = stateNow();
      const waiting = `${pendingBytes} bytes of documents have no answer of Elasticsearch`;
      return `${lag} records were waiting for parse and correlate when they last read, and ${waiting}`;
    },
    async stop() {
      await Promise.all(consumptions.map((c) => c.stop()));
      await reporting.stop();
      for (const close of closing) await close();
    },
  };
}

interface Reporting {
  readonly report: PipelineReport;
  readonly producer: Producer;
  readonly topic: string;
  readonly counters: Counters;
  readonly stateNow: () => PipelineState;
  readonly log: (line: string) => void;
}

/** What this process did goes the way of all documents, at intervals and once more at the end. */
async function reportEvery(
  ms: number,
  { report, producer, topic, counters, stateNow, log }: Reporting,
): Promise<{ stop(): Promise<void> }> {
  const send = async (): Promise<void> => {
    const document = report.take(counters, stateNow(), Date.now());
    const value = Buffer.from(JSON.stringify(document));
    await producer.send([{ topic, partition: 0, key: Buffer.from(pipelineId(document)), value }]);
  };
  const told = (error: unknown): void =>
    log(`pipeline: a report is lost: ${error instanceof Error ? error.message : error}`);
  const timer = setInterval(() => void send().catch(told), ms);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await send().catch(told);
      await producer.close();
    },
  };
}

const ATTEMPTS_MAX = 10;

/** A cluster that is just starting refuses at first: what may pass is tried again, for about two minutes. */
async function patiently<T>(what: string, log: (line: string) => void, attempt: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.mayPass || n >= ATTEMPTS_MAX) throw error;
      log(`${what}: ${error.message} (${error.code}); trying again`);
      await pauseFor(backOffMs(n));
    }
  }
}
