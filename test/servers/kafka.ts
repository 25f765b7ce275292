/**
 * A real Kafka (KRaft, one to a few brokers) for tests: a child of the test process on loopback ports of its own, in a temporary folder.
 * `IMAPWHY_TEST_KAFKA=host:port,…` names a running one instead; tests that kill or secure their broker then say that they need their own.
 *
 * Listeners of each broker: plain (everything allowed), and with `secured: true` also
 *   sasl     SASL PLAIN and SCRAM over plain text; users `users`, only what an ACL allows
 *   tls      TLS with a certificate that `certificate` (PEM) verifies
 *   expired  TLS with a certificate that ended yesterday
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates, STORE_PASSWORD } from './certificates.ts';
import { type ChildServer, cpuSeconds, startChild } from './child-server.ts';
import { succeed } from './command.ts';
import { freePort } from './free-port.ts';
import { classPath } from './java.ts';

export interface KafkaServer {
  /** Addresses of the plain listeners. */
  readonly brokers: readonly string[];
  /** Whether this process started it, and so may kill it. */
  readonly owned: boolean;
  /** Of the first broker; empty unless `secured`. */
  readonly listeners: { readonly sasl: string; readonly tls: string; readonly expired: string };
  /** PEM of what the TLS listeners present; both are their own authorities. */
  readonly certificate: string;
  readonly expiredCertificate: string;
  /** CPU of the broker so far; undefined for one that we did not start. */
  cpuSeconds(broker?: number): Promise<number | undefined>;
  /** Resolves when a broker has ended, by whatever. */
  ended(broker?: number): Promise<void>;
  kill(broker?: number): Promise<void>;
  restart(broker?: number): Promise<void>;
  /** Freezes a broker: connections stay, answers stop. */
  freeze(broker?: number): void;
  thaw(broker?: number): void;
  stop(): Promise<void>;
}

export interface KafkaOptions {
  readonly brokers?: number;
  readonly secured?: boolean;
  /** Where the first broker keeps its logs, for one a small disk. */
  readonly data?: string;
  /** Lines for server.properties, the last word. */
  readonly properties?: readonly string[];
  /** Start with the better compiler too: slower to start, faster under load. */
  readonly forSpeed?: boolean;
}

export const users = { alice: 'alice-secret', bob: 'bob-secret' } as const;

const startMs = 60_000;
const logging = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.log.kafka.server=info'];
const listenerNames = ['PLAIN', 'SASL', 'TLS', 'EXPIRED'] as const;
type ListenerName = (typeof listenerNames)[number];

interface Broker {
  readonly id: number;
  readonly folder: string;
  readonly ports: ReadonlyMap<ListenerName, number>;
  child: ChildServer | undefined;
}

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const given = process.env.IMAPWHY_TEST_KAFKA;
  const special =
    options.forSpeed === true ||
    options.secured === true ||
    options.properties !== undefined ||
    (options.brokers ?? 1) > 1;
  if (given !== undefined && given !== '' && !special) return givenServer(given.split(','));
  return startOwnKafka(options);
}

/** Always a broker of its own, for tests that kill, freeze or secure it. */
export async function startOwnKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const jars = await classPath(join(import.meta.dirname, 'pom.xml'));
  const root = await mkdtemp(join(tmpdir(), 'imapwhy-kafka-'));
  const secured = options.secured === true;
  const controllerPort = await freePort();
  // A dash in front would be taken for an option.
  const clusterId = Buffer.from(crypto.randomUUID().replaceAll('-', ''), 'hex')
    .toString('base64url')
    .replace(/^-/, 'A');
  const certificates = secured ? await makeCertificates(root) : { valid: '', expired: '' };
  const brokers: Broker[] = [];
  for (let id = 1; id <= (options.brokers ?? 1); id++) {
    const ports = new Map<ListenerName, number>();
    for (const name of secured ? listenerNames : (['PLAIN'] as const)) ports.set(name, await freePort());
    const folder = join(root, `broker-${id}`);
    await mkdir(folder);
    brokers.push({ id, folder, ports, child: undefined });
  }
  const start = async (broker: Broker): Promise<void> => {
    const quick = options.forSpeed === true ? [] : ['-XX:TieredStopAtLevel=1'];
    const args = ['-Xmx512m', '-XX:+UseSerialGC', ...quick, '-cp', jars];
    broker.child = await startChild('java', [...args, ...logging, 'kafka.Kafka', propertiesOf(broker)], {
      cwd: broker.folder,
      log: join(broker.folder, 'server.log'),
      ready: 'Kafka Server started',
      timeoutMs: startMs,
    });
  };
  const all = async (action: (broker: Broker) => Promise<void>): Promise<void> => {
    await Promise.all(brokers.map(action));
  };
  try {
    await all(async (broker) => {
      await writeFile(propertiesOf(broker), serverProperties(broker, root, controllerPort, brokers.length, options));
      const scram = secured ? Object.entries(users).flatMap(([name, password]) => scramOf(name, password)) : [];
      await succeed(
        'java',
        ['-cp', jars, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesOf(broker), ...scram],
        { cwd: broker.folder },
      );
    });
    await all(start);
  } catch (error) {
    await all(async (broker) => broker.child?.stop('SIGKILL'));
    await rm(root, { recursive: true, force: true });
    throw error;
  }
  const one = (id = 1): Broker => {
    const broker = brokers[id - 1];
    if (broker === undefined) throw new RangeError(`no broker ${id}`);
    return broker;
  };
  const address = (broker: Broker, name: ListenerName): string =>
    broker.ports.has(name) ? `127.0.0.1:${broker.ports.get(name)}` : '';
  return {
    brokers: brokers.map((broker) => address(broker, 'PLAIN')),
    owned: true,
    listeners: { sasl: address(one(), 'SASL'), tls: address(one(), 'TLS'), expired: address(one(), 'EXPIRED') },
    certificate: certificates.valid,
    expiredCertificate: certificates.expired,
    cpuSeconds: (id) => cpuSeconds(one(id).child?.pid),
    ended: async (id) => void (await one(id).child?.ended),
    kill: async (id) => one(id).child?.stop('SIGKILL'),
    restart: async (id) => start(one(id)),
    freeze: (id) => one(id).child?.signal('SIGSTOP'),
    thaw: (id) => one(id).child?.signal('SIGCONT'),
    stop: async () => {
      await all(async (broker) => broker.child?.stop('SIGKILL'));
      await rm(root, { recursive: true, force: true });
    },
  };
}

function givenServer(brokers: readonly string[]): KafkaServer {
  const refuse = (): never => {
    throw new Error(
      'this test kills its broker, and IMAPWHY_TEST_KAFKA names one that is not its own: use startOwnKafka',
    );
  };
  return {
    brokers,
    owned: false,
    listeners: { sasl: '', tls: '', expired: '' },
    certificate: '',
    expiredCertificate: '',
    cpuSeconds: async () => undefined,
    ended: refuse,
    kill: refuse,
    restart: refuse,
    freeze: refuse,
    thaw: refuse,
    stop: async () => {},
  };
}

const propertiesOf = (broker: Broker): string => join(broker.folder, 'server.properties');

const scramOf = (name: string, password: string): readonly string[] => [
  '--add-scram',
  `SCRAM-SHA-256=[name=${name},password=${password}]`,
  '--add-scram',
  `SCRAM-SHA-512=[name=${name},password=${password}]`,
];

function serverProperties(
  broker: Broker,
  root: string,
  controllerPort: number,
  count: number,
  options: KafkaOptions,
): string {
  const first = broker.id === 1;
  const names = [...broker.ports.keys()];
  const addresses = names.map((name) => `${name}://127.0.0.1:${broker.ports.get(name)}`);
  return [
    `process.roles=${first ? 'broker,controller' : 'broker'}`,
    `node.id=${broker.id}`,
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${[...addresses, ...(first ? [`CONTROLLER://127.0.0.1:${controllerPort}`] : [])].join(',')}`,
    `advertised.listeners=${addresses.join(',')}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAIN',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,EXPIRED:SSL',
    `log.dirs=${first && options.data !== undefined ? options.data : join(broker.folder, 'data')}`,
    `offsets.topic.replication.factor=${Math.min(count, 3)}`,
    `transaction.state.log.replication.factor=${Math.min(count, 3)}`,
    'transaction.state.log.min.isr=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    // A broker that was killed may only come back when its old session has ended.
    'broker.session.timeout.ms=2000',
    'broker.heartbeat.interval.ms=500',
    'auto.create.topics.enable=false',
    ...(options.secured === true ? securityProperties(root) : []),
    ...(options.properties ?? []),
    '',
  ].join('\n');
}

function securityProperties(root: string): readonly string[] {
  const plain = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const store = (listener: string, file: string): readonly string[] => [
    `listener.name.${listener}.ssl.keystore.type=PKCS12`,
    `listener.name.${listener}.ssl.keystore.location=${join(root, `${file}.p12`)}`,
    `listener.name.${listener}.ssl.keystore.password=${STORE_PASSWORD}`,
  ];
  return [
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:ANONYMOUS',
    'listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required ${plain.join(' ')};`,
    `listener.name.sasl.scram-sha-256.sasl.jaas.config=${scram}`,
    `listener.name.sasl.scram-sha-512.sasl.jaas.config=${scram}`,
    ...store('tls', 'valid'),
    ...store('expired', 'expired'),
  ];
}
