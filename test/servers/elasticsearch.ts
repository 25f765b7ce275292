/**
 * A real Elasticsearch as a child of the test: a random port on loopback, a folder of its own, settings as the test wants them. It is started without its
 * launcher, so that the child is the server itself: it ends when its standard input closes, so also when the test process is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds } from './child-server.ts';
import { ELASTICSEARCH_VERSION, elasticsearchHome, require } from './elasticsearch-distribution.ts';
import { freePort } from './free-port.ts';

export interface ElasticsearchOptions {
  /** As in elasticsearch.yml. With settings, the server is always one of our own. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly heap?: string;
  /** Where the data goes, for one a small disk; by default the server's own folder. It is handed to the user that the server runs as. */
  readonly data?: string;
  /** For servers that will be killed: never the one of IMAPWHY_TEST_ELASTICSEARCH. */
  readonly own?: boolean;
  /** False: it is enough that it answers, for one with an error, because it finds no master. */
  readonly healthy?: boolean;
  /** Start with the better compiler too: slower to start, faster under load. */
  readonly forSpeed?: boolean;
}

export interface ElasticsearchServer {
  readonly url: string;
  /** CPU of the server so far, in seconds; undefined for a server that we did not start. */
  cpuSeconds(): Promise<number | undefined>;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same folder and port. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const NOBODY = 65534;
const START_LIMIT_MS = 300_000; // of a machine that has much else to do

export async function startElasticsearch(options: ElasticsearchOptions = {}): Promise<ElasticsearchServer> {
  const given = process.env.IMAPWHY_TEST_ELASTICSEARCH;
  if (given !== undefined && options.settings === undefined && options.data === undefined && options.own !== true)
    return givenServer(given);
  await require('java', 'openjdk-17-jre-headless');
  const home = await elasticsearchHome();
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-elasticsearch-'));
  const port = await freePort();
  const runAs = process.getuid?.() === 0 ? NOBODY : undefined;
  const place: Place = { home, folder, port, runAs };
  const data = options.data ?? join(folder, 'data');
  await prepareFolder(place, data);
  const settings = settingsOf(place, data, options.settings);
  const url = `http://127.0.0.1:${port}`;
  let child = await start(place, settings, url, options);
  return {
    url,
    cpuSeconds: () => cpuSeconds(child.pid),
    async kill() {
      await ended(child, () => child.kill('SIGKILL'));
    },
    async restart() {
      if (isRunning(child)) await ended(child, () => child.kill('SIGKILL'));
      child = await start(place, settings, url, options);
    },
    async stop() {
      if (isRunning(child)) await ended(child, () => child.kill('SIGKILL'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Names that no other test uses: for one, data streams cannot be removed from this server. */
export function uniqueNamespace(): string {
  return `t${process.pid}x${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
}

function givenServer(url: string): ElasticsearchServer {
  const refuse = async (): Promise<never> => {
    throw new Error('the server of IMAPWHY_TEST_ELASTICSEARCH is not ours to end');
  };
  return { url, cpuSeconds: async () => undefined, kill: refuse, restart: refuse, stop: async () => {} };
}

interface Place {
  readonly home: string;
  readonly folder: string;
  readonly port: number;
  readonly runAs: number | undefined;
}

async function prepareFolder({ folder, runAs }: Place, data: string): Promise<void> {
  await mkdir(data, { recursive: true });
  for (const name of ['config', 'logs', 'tmp']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'config', 'log4j2.properties'), LOGGING);
  if (runAs === undefined) return;
  for (const path of ['.', 'config', 'config/log4j2.properties', 'logs', 'tmp'])
    await chown(join(folder, path), runAs, runAs);
  await chown(data, runAs, runAs);
}

const LOGGING = `
appender.file.type = File
appender.file.name = file
appender.file.fileName = \${sys:es.logs.base_path}/server.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d][%-5p][%c{1}] %m%n
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
`;

function settingsOf(
  { home, folder, port }: Place,
  data: string,
  more: ElasticsearchOptions['settings'],
): Readonly<Record<string, string | number | boolean>> {
  return {
    'path.home': home,
    'path.data': data,
    'path.logs': join(folder, 'logs'),
    'discovery.type': 'single-node',
    'xpack.security.enabled': false,
    'network.host': '127.0.0.1',
    'http.port': port,
    'transport.port': '0',
    'cluster.routing.allocation.disk.threshold_enabled': false, // a full disk of this machine is no matter of the tests
    ...more,
  };
}

async function start(
  { home, folder, runAs }: Place,
  settings: Readonly<Record<string, string | number | boolean>>,
  url: string,
  options: ElasticsearchOptions,
): Promise<ChildProcess> {
  const { JAVA_TOOL_OPTIONS: _, ...environment } = process.env;
  const child = spawn('java', javaArguments(home, folder, options), {
    cwd: folder,
    env: { ...environment, HOME: folder, ES_TMPDIR: join(folder, 'tmp'), LIBFFI_TMPDIR: join(folder, 'tmp') },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(runAs === undefined ? {} : { uid: runAs, gid: runAs }),
  });
  let said = '';
  const listen = (text: string): void => {
    said = `${said}${text}`.slice(-8000);
  };
  child.stdout.setEncoding('utf8').on('data', listen);
  child.stderr.setEncoding('utf8').on('data', listen);
  child.stdin.on('error', () => {}); // it went away: its exit tells more
  child.stdin.write(serverArguments(folder, settings));
  const limit = performance.now() + START_LIMIT_MS;
  while (performance.now() < limit && isRunning(child)) {
    if (await (options.healthy === false ? answers(url) : isHealthy(url))) return child;
    await sleep(100);
  }
  if (isRunning(child)) await ended(child, () => child.kill('SIGKILL'));
  const log = await readFile(join(folder, 'logs', 'server.log'), 'utf8').catch(() => '');
  throw new Error(`Elasticsearch did not start:\n${said}\n${log.slice(-8000)}`);
}

/** What its launcher hands to the server, less what only matters for production. */
function javaArguments(home: string, folder: string, options: ElasticsearchOptions): readonly string[] {
  const heap = options.heap ?? '512m';
  return [
    `-Xms${heap}`,
    `-Xmx${heap}`,
    '-Xss1m',
    '-XX:+UseSerialGC',
    ...(options.forSpeed === true ? [] : ['-XX:TieredStopAtLevel=1']),
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:+EnableDynamicAgentLoading',
    '-Djdk.attach.allowAttachSelf=true',
    '-Djava.awt.headless=true',
    '-Dfile.encoding=UTF-8',
    '-Djava.locale.providers=SPI,COMPAT',
    '-Dio.netty.noUnsafe=true',
    '-Dio.netty.noKeySetOptimization=true',
    '-Dio.netty.recycler.maxCapacityPerThread=0',
    '-Dlog4j.shutdownHookEnabled=false',
    '-Dlog4j2.disable.jmx=true',
    '-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1',
    `-Djava.io.tmpdir=${join(folder, 'tmp')}`,
    `-Des.path.home=${home}`,
    '-Des.distribution.type=zip',
    '-Des.entitlements.enabled=true',
    `--patch-module=java.base=${home}/lib/entitlement-bridge/elasticsearch-entitlement-bridge-${ELASTICSEARCH_VERSION}.jar`,
    '--add-exports=java.base/org.elasticsearch.entitlement.bridge=org.elasticsearch.entitlement,java.logging,java.net.http,java.naming,jdk.net',
    '--add-modules=jdk.net',
    '--add-modules=jdk.management.agent',
    '--add-modules=ALL-MODULE-PATH',
    '--module-path',
    `${home}/lib`,
    '-m',
    'org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch',
  ];
}

/** `ServerArgs.writeTo` of the server: flags, a fresh key store, the settings and two folders; texts with their length in front. */
function serverArguments(folder: string, settings: Readonly<Record<string, string | number | boolean>>): Buffer {
  const seed = Buffer.from('seed-of-a-test-server');
  const pairs = Object.entries(settings).flatMap(([name, value]) => [
    text(name),
    Buffer.from([0]),
    text(String(value)),
  ]);
  return Buffer.concat([
    Buffer.from([0, 1, 0]), // not daemonised, quiet, no pid file
    text('org.elasticsearch.common.settings.KeyStoreWrapper'),
    Buffer.from([0, 0, 0, 7, 0, 0, 1]), // format 7, no password, not encrypted, one entry
    text('keystore.seed'),
    text(seed),
    text(createHash('sha256').update(seed).digest()),
    Buffer.from([0]), // key store open
    lengthOf(Object.keys(settings).length),
    ...pairs,
    text(join(folder, 'config')),
    text(join(folder, 'logs')),
  ]);
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

function lengthOf(count: number): Buffer {
  const bytes: number[] = [];
  let rest = count;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/_cluster/health?timeout=1s`, { signal: AbortSignal.timeout(3000) });
    const health: unknown = await answer.json();
    return answer.ok && typeof health === 'object' && health !== null && 'status' in health && health.status !== 'red';
  } catch {
    return false; // not yet
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(3000) }).then(
    () => true,
    () => false, // not yet
  );
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  end();
  await exit;
}
