import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Command } from 'commander';
import { openStore, type Store } from '../outputs/sqlite.ts';
import { parseZone } from '../processors/time.ts';
import { terminalText } from '../reports/clean-text.ts';
import { type Access, createApp } from '../web/app.ts';
import { createDesk, type Desk } from '../web/desk.ts';
import { storedSessions } from '../web/sessions.ts';
import type { SingleSignOn } from '../web/single-sign-on.ts';
import { DEFAULT_ACCOUNTS, readAccounts } from './accounts.ts';
import { clusterSessions } from './cluster-sessions.ts';
import { DEFAULT_STORE } from './explain.ts';
import { openId } from './open-id.ts';
import { readOutlook } from './outlook-file.ts';
import { makeReport } from './report/make-report.ts';
import { UseError } from './use-error.ts';
import { readQueue } from './waf/read-queue.ts';

export interface ServeOptions {
  /** That of the streaming service: sessions are read from its cluster. */
  readonly config?: string;
  readonly listen: string;
  readonly store: string;
  readonly accounts: string;
  readonly tz?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly publicUrl?: string;
  readonly oidcIssuer?: string;
  readonly oidcClientId?: string;
  readonly oidcClaim?: string;
}

/** Adds `serve` to the program. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('the web page: how it is now, search, sessions and incidents, from the store that analyze wrote')
    .option('--listen <address>', 'address and port; beyond this machine only with accounts and TLS', '127.0.0.1:8180')
    .option('--store <file>', 'the store; with --config only for notes, saved searches and the trail', DEFAULT_STORE)
    .option('--config <file>', 'read sessions from Elasticsearch, as the configuration of imapwhy run names it')
    .option('--accounts <file>', 'who may sign in (imapwhy user add)', DEFAULT_ACCOUNTS)
    .option('--tz <zone>', 'zone of all times that are shown (default: that of the last analysis, else UTC)')
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .option(
      '--public-url <url>',
      'how browsers reach it, such as https://imapwhy.example.org: needed behind a proxy, which then must do TLS',
    )
    .option('--oidc-issuer <url>', 'sign in with OpenID Connect; the client’s secret is taken from IMAPWHY_OIDC_SECRET')
    .option('--oidc-client-id <id>', 'by which the issuer knows this server', 'imapwhy')
    .option('--oidc-claim <name>', 'claim of the identity token that is the name of the account', 'preferred_username')
    .addHelpText(
      'after',
      '\nExamples:\n  imapwhy serve\n  imapwhy user add ola --role admin && imapwhy serve --listen 127.0.0.1:8180 --public-url https://imapwhy.example.org\n  imapwhy serve --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem --public-url https://mon.example.org:8443',
    )
    .action(async (options: ServeOptions) => {
      const service = await serve(options);
      process.stderr.write(`imapwhy: ${service.url} (Ctrl-C ends it)\n`);
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
      await service.close();
    });
}

export interface Service {
  readonly url: string;
  close(): Promise<void>;
}

const INDEXED_AT_ONCE = 500;

/** Starts the web page. Throws UseError where it would be open to others without protection, OutputError for a store that cannot be used. */
export async function serve(options: ServeOptions): Promise<Service> {
  const place = placeOf(options.listen);
  const tls = tlsOf(options);
  const accounts = await readAccounts(options.accounts);
  const access = accessOf(options, place, tls !== undefined, accounts.length > 0);
  if (options.config === undefined && !existsSync(options.store))
    throw new UseError(
      `${options.store}: no such store. Run \`imapwhy analyze\` first, or name the store with --store FILE.`,
    );
  if (options.tz !== undefined) luxonZone(options.tz);
  const singleSignOn = await singleSignOnOf(options);
  const cluster = options.config === undefined ? undefined : clusterSessions({ config: options.config });
  const store = openStore(options.store, { bulk: false });
  const indexing = indexLines(store);
  const close = async (): Promise<void> => {
    indexing.stop();
    await store.close();
    await cluster?.close();
  };
  const desk = createDesk({
    sessions: cluster ?? storedSessions(store),
    drawer: store.desk,
    waf: cluster ? undefined : { queue: () => readQueue(store, {}, Date.now()), decide: (d) => store.waf.decide(d) },
    report: cluster ? undefined : (week, moment) => reportOf(store, options.tz, week, moment),
    clock: Date.now,
    outlook: () => readOutlook(join(dirname(options.store), 'likely-to-fail.json')),
  });
  const zone = luxonZone(options.tz ?? store.runs()[0]?.zone ?? 'UTC');
  const server = await startServer(desk, zone, options, { ...access, singleSignOn }, tls, place).catch(
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  return {
    url: options.publicUrl ?? `${tls ? 'https' : 'http'}://${hostOf(server, place.host)}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await close();
    },
  };
}

async function startServer(
  desk: Desk,
  zone: string,
  options: ServeOptions,
  access: Omit<Access, 'hosts'>,
  tls: Tls | undefined,
  place: Place,
): Promise<Server> {
  const hosts: string[] = [];
  const app = createApp({
    desk,
    access: { ...access, hosts },
    zone,
    clock: Date.now,
    onError: (error) =>
      process.stderr.write(
        `imapwhy: ${terminalText(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
      ),
    addressOf: (c) => getConnInfo(c).remote.address ?? '',
  });
  const listener = getRequestListener(app.fetch, { hostname: 'localhost' });
  const server = tls ? createHttpsServer(tls, listener) : createHttpServer(listener);
  server.listen(place.port, place.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UseError(`--listen ${options.listen}: cannot listen there (${why}).`);
  }
  hosts.push(...hostsOf(options, server, place.host));
  return server;
}

/** A week or moment that is none is an answer here, no wrong use of the command. */
function reportOf(
  store: Store,
  tz: string | undefined,
  week: string | undefined,
  moment: string | undefined,
): ReturnType<typeof makeReport> {
  try {
    const choice = {
      ...(tz !== undefined && { tz }),
      ...(week !== undefined && { week }),
      ...(moment !== undefined && { moment }),
    };
    return makeReport(store, choice, Date.now());
  } catch (error) {
    if (error instanceof UseError) return error.message;
    throw error;
  }
}

/** Puts log lines into the index of words, a few at a time, so that pages are answered between. */
function indexLines(store: Store): { stop(): void } {
  let next: NodeJS.Timeout | undefined;
  const step = (): void => {
    const n = store.indexLines(INDEXED_AT_ONCE);
    next = setTimeout(step, n > 0 ? 5 : 60_000);
    next.unref();
  };
  next = setTimeout(step, 0);
  return { stop: () => clearTimeout(next) };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function placeOf(listen: string): Place {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^\s:]+):(\d{1,5})$/.exec(listen) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new UseError(`--listen ${listen}: give an address and a port, such as 127.0.0.1:8180 or [::1]:8180.`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** What protects the page. Others may only reach it with accounts, and never without encryption. */
function accessOf(options: ServeOptions, place: Place, hasTls: boolean, hasAccounts: boolean): Omit<Access, 'hosts'> {
  const url = options.publicUrl === undefined ? undefined : URL.parse(options.publicUrl);
  if (url === null || (url && (url.pathname !== '/' || !/^https?:$/.test(url.protocol))))
    throw new UseError(
      `--public-url ${options.publicUrl}: give scheme and name only, such as https://imapwhy.example.org.`,
    );
  const isOpen = !isLoopback(place.host) || url !== undefined;
  if (isOpen && !hasAccounts)
    throw new UseError(
      `others could read all sessions there, and no account is in ${options.accounts}: make one first (imapwhy user add NAME --role admin), or listen on 127.0.0.1.`,
    );
  if (!isLoopback(place.host) && !hasTls)
    throw new UseError(
      `--listen ${options.listen}: passwords would cross the network readable. Give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that does TLS (with --public-url).`,
    );
  if (url === undefined && (place.host === '0.0.0.0' || place.host === '::'))
    throw new UseError(
      `--listen ${options.listen}: that is every address of this machine, but browsers must call it by one name: give --public-url https://….`,
    );
  if (url?.protocol === 'http:')
    throw new UseError(
      `--public-url ${options.publicUrl}: passwords would cross the network readable. It must begin with https://.`,
    );
  const accounts = options.accounts;
  return {
    account: hasAccounts ? async (name) => (await readAccounts(accounts)).find((a) => a.name === name) : undefined,
    isSecure: hasTls || url !== undefined,
  };
}

async function singleSignOnOf(options: ServeOptions): Promise<SingleSignOn | undefined> {
  const { oidcIssuer: issuer, publicUrl } = options;
  if (issuer === undefined) return undefined;
  const secret = process.env.IMAPWHY_OIDC_SECRET;
  if (publicUrl === undefined)
    throw new UseError('--oidc-issuer needs --public-url: the issuer sends browsers back there.');
  if (!secret) throw new UseError('--oidc-issuer needs the client’s secret in the environment: IMAPWHY_OIDC_SECRET.');
  return openId({
    issuer,
    clientId: options.oidcClientId ?? 'imapwhy',
    claim: options.oidcClaim ?? 'preferred_username',
    secret,
    publicUrl,
  });
}

interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

function tlsOf({ tlsCert, tlsKey }: ServeOptions): Tls | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw new UseError('--tls-cert and --tls-key belong together.');
  return { cert: pem(tlsCert), key: pem(tlsKey) };
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UseError(`${file}: cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

function hostOf(server: Server, host: string): string {
  const address = server.address();
  return `${bracketed(host)}:${typeof address === 'object' && address !== null ? address.port : ''}`;
}

/** The names that a browser may use: that of the public address, else this machine's own. */
function hostsOf(options: ServeOptions, server: Server, host: string): readonly string[] {
  if (options.publicUrl !== undefined) return [new URL(options.publicUrl).host];
  const names = isLoopback(host) ? ['localhost', '127.0.0.1', '::1', host] : [host];
  return [...new Set(names.map((name) => hostOf(server, name)))];
}

function luxonZone(zone: string): string {
  const name = parseZone(zone)?.name;
  if (name === undefined)
    throw new UseError(`--tz ${zone}: unknown zone. Use a name such as Europe/Warsaw, or an offset such as +02:00.`);
  return /^[+-]/.test(name) ? `UTC${name}` : name;
}
