import * as v from 'valibot';
import { type ElasticsearchConfig, elasticsearchConfig, type Secret } from '../outputs/elasticsearch/config.ts';
import { type KibanaConfig, kibanaConfig } from '../outputs/kibana/config.ts';
import { issuesText, readConfigFile } from './config-file.ts';
import { UseError } from './use-error.ts';

export interface TargetOptions {
  readonly config?: string;
  readonly elasticsearch?: string;
  readonly cloudId?: string;
  readonly kibana?: string;
  readonly space?: string;
  readonly sessionUrl?: string;
  readonly namespace?: string;
  readonly apiKey?: string;
  readonly user?: string;
  readonly password?: string;
  readonly ca?: string;
}

export interface Targets {
  readonly elasticsearch: ElasticsearchConfig;
  readonly kibana: KibanaConfig | undefined;
}

const sections = v.looseObject({ elasticsearch: elasticsearchConfig, kibana: v.optional(kibanaConfig) });

/** The clusters that a command speaks to: from a configuration file, or from options. Options say more than the file. */
export function targetsFrom(options: TargetOptions): Targets {
  const { config, elasticsearch, cloudId, namespace } = options;
  if ([config, elasticsearch, cloudId].filter((given) => given !== undefined).length !== 1)
    throw new UseError('say where: --config FILE, --elasticsearch URL or --cloud-id ID');
  const given = config === undefined ? { elasticsearch: clusterFrom(options) } : readConfigFile(config);
  const where = config ?? 'options';
  const result = v.safeParse(sections, withKibana(given, options));
  if (!result.success) throw new UseError(`${where}: ${issuesText(result.issues)}`);
  const { elasticsearch: cluster, kibana } = result.output;
  const named = namespace === undefined ? cluster : { ...cluster, namespace: checkedNamespace(namespace) };
  return { elasticsearch: named, kibana };
}

function clusterFrom(o: TargetOptions): object {
  return {
    ...(o.elasticsearch === undefined ? { cloudId: o.cloudId } : { nodes: o.elasticsearch.split(',') }),
    ...access(o),
  };
}

/** What options say about Kibana, over what a file says. */
function withKibana(given: object, o: TargetOptions): object {
  const own = {
    ...(o.kibana === undefined ? {} : { url: o.kibana }),
    ...(o.space === undefined ? {} : { space: o.space }),
    ...(o.sessionUrl === undefined ? {} : { sessionUrl: o.sessionUrl }),
  };
  const inFile = 'kibana' in given && typeof given.kibana === 'object' ? given.kibana : undefined;
  if (Object.keys(own).length === 0) return given;
  if (o.kibana === undefined && inFile === undefined)
    throw new UseError('--space and --session-url are about Kibana: say where it is with --kibana URL');
  return { ...given, kibana: { ...inFile, ...own, ...access(o) } };
}

/** The same credentials and certificate for both. */
function access(o: TargetOptions): object {
  const auth = authFrom(o);
  return { ...(auth === undefined ? {} : { auth }), ...(o.ca === undefined ? {} : { tls: { ca: o.ca } }) };
}

function authFrom({ apiKey, user, password }: TargetOptions): object | undefined {
  if (apiKey !== undefined) return { apiKey: secretFrom('--api-key', apiKey) };
  if ((user === undefined) !== (password === undefined)) throw new UseError('--user and --password belong together');
  if (user === undefined || password === undefined) return undefined;
  return { username: user, password: secretFrom('--password', password) };
}

/** `env:NAME` or `file:PATH`: what stands on a command line can be read by everybody on the machine. */
function secretFrom(option: string, value: string): Secret {
  if (value.startsWith('env:')) return { env: value.slice(4) };
  if (value.startsWith('file:')) return { file: value.slice(5) };
  throw new UseError(`${option}: write env:NAME or file:PATH; a command line can be read by others`);
}

function checkedNamespace(namespace: string): string {
  const result = v.safeParse(elasticsearchConfig, { nodes: ['http://localhost'], namespace });
  if (!result.success) throw new UseError(`--namespace ${namespace}: ${result.issues[0].message}`);
  return namespace;
}
