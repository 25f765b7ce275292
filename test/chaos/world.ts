/** Everything that can break: a broker and an index behind proxies, and one process for each role. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLES, type Role } from '../../cli/run-config.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import type { ChildServer } from '../servers/child-server.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch.ts';
import { configFor, installTemplates } from '../servers/elasticsearch-setup.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { startImapwhy } from '../servers/imapwhy-process.ts';
import { type KafkaServer, startOwnKafka } from '../servers/kafka.ts';
import { type KafkaProxy, startKafkaProxy } from './kafka-proxy.ts';
import { PacedSample } from './paced-sample.ts';

const SESSION_SECONDS = 3;

export interface World {
  readonly namespace: string;
  readonly broker: KafkaServer;
  readonly brokerProxy: KafkaProxy;
  readonly index: ElasticsearchServer;
  readonly indexProxy: FaultProxy;
  readonly kafka: Kafka;
  readonly request: Request;
  readonly sample: PacedSample;
  readonly folder: string;
  /** Ends the process of a role by kill -9 and starts it again. */
  restart(role: Role): void;
  /** A second process of the role comes, or goes. */
  second(role: Role): Promise<'comes' | 'goes'>;
  /** All processes end as they should. Resolves with their exit codes. */
  stop(): Promise<readonly (number | null)[]>;
  /** Kills what still runs; the logs of the processes stay if they are wanted. */
  close(keepLogs: boolean): Promise<void>;
}

/** `apart`: each role has a process of its own; else the one that parses indexes its documents too. */
export async function startWorld(apart: boolean): Promise<World> {
  const namespace = 'chaos';
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-chaos-'));
  const brokerProxy = await startKafkaProxy();
  const [broker, index] = await Promise.all([
    startOwnKafka({
      properties: [`advertised.listeners=PLAIN://${brokerProxy.address}`, 'group.min.session.timeout.ms=1000'],
    }),
    startElasticsearch({ own: true }),
  ]);
  brokerProxy.target = Number(broker.brokers[0]?.split(':')[1]);
  const indexProxy = await startFaultProxy(index.url);
  const connection = connect(configFor(index.url));
  await installTemplates(configFor(index.url));
  const kafka = kafkajsKafka({ brokers: [brokerProxy.address], clientId: 'chaos' });
  const sample = await PacedSample.open(namespace, await kafka.producer());
  await kafka.createTopics(sample.topics.map((topic) => ({ topic, partitions: 1 })));
  await sample.sendFirst();
  const config = (role: Role, client: string) => ({
    kafka: { brokers: [brokerProxy.address], topic_prefix: namespace, client_id: client },
    elasticsearch: { nodes: [indexProxy.url], namespace, request_timeout_ms: 3000 },
    roles: role === 'parse' && !apart ? ['parse', 'index'] : [role],
    inputs: sample.topics.map((topic) => ({ topic })),
    partitions: 4,
    snapshot_seconds: 2,
    session_seconds: SESSION_SECONDS,
    idle_seconds: 3600, // the sample's hours pass in minutes: nobody is silent
  });
  const running = new Map<string, Promise<ChildServer>>();
  let ending = false;
  const start = (role: Role, name: string): void => {
    const starting = startImapwhy(config(role, name), { folder, name });
    running.set(name, starting);
    const again = (): void => {
      if (ending || running.get(name) !== starting) return;
      start(role, name); // as whatever supervises it would do
    };
    starting.then(({ ended }) => ended).then(again, again);
  };
  for (const role of ROLES) start(role, role);
  await Promise.all(running.values());
  const end = async (name: string, signal: NodeJS.Signals): Promise<number | null> => {
    const process = await running.get(name)?.catch(() => undefined);
    await process?.stop(signal);
    return (await process?.ended) ?? null;
  };
  return {
    namespace,
    broker,
    brokerProxy,
    index,
    indexProxy,
    kafka,
    request: connection.request,
    sample,
    folder,
    restart: (role) => void end(role, 'SIGKILL'),
    async second(role) {
      const name = `${role}-2`;
      if (!running.has(name)) {
        start(role, name);
        await running.get(name)?.catch(() => undefined);
        return 'comes';
      }
      const going = running.get(name);
      running.delete(name);
      await (await going?.catch(() => undefined))?.stop('SIGTERM');
      return 'goes';
    },
    async stop() {
      ending = true;
      return Promise.all([...running.keys()].map((name) => end(name, 'SIGTERM')));
    },
    async close(keepLogs) {
      ending = true;
      await Promise.all([...running.keys()].map((name) => end(name, 'SIGKILL')));
      await kafka.close();
      await connection.close();
      await indexProxy.close();
      await brokerProxy.close();
      await Promise.all([broker.stop(), index.stop()]);
      if (!keepLogs) await rm(folder, { recursive: true, force: true });
    },
  };
}
