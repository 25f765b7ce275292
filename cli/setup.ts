import type { Command } from 'commander';
import { connect } from '../outputs/elasticsearch/connection.ts';
import { type Cluster, inspectCluster } from '../outputs/elasticsearch/setup/cluster.ts';
import { applySetup, planSetup, type Step } from '../outputs/elasticsearch/setup/plan.ts';
import type { Retention } from '../outputs/elasticsearch/setup/templates.ts';
import { KIBANA_DEFAULTS } from '../outputs/kibana/data-views.ts';
import { importObjects } from '../outputs/kibana/import.ts';
import { savedObjects } from '../outputs/kibana/objects.ts';
import { ndjsonOf } from '../outputs/kibana/saved-object.ts';
import { terminalText } from '../reports/clean-text.ts';
import { type TargetOptions, targetsFrom } from './elasticsearch-options.ts';
import { UseError } from './use-error.ts';

interface SetupOptions extends TargetOptions {
  readonly dryRun?: true;
  readonly diff?: true;
  readonly keepDays?: string;
}

export function registerSetup(program: Command): void {
  program
    .command('setup')
    .description(
      'Puts templates and lifecycle into Elasticsearch, data views and dashboards into Kibana. Deletes nothing; may be repeated.',
    )
    .option('--config <file>', 'sections elasticsearch and kibana of the configuration of the service')
    .option('--elasticsearch <url>', 'address of the cluster; several with commas')
    .option('--cloud-id <id>', 'of Elastic Cloud, instead of an address')
    .option('--kibana <url>', 'address of Kibana; without it, how to import is said')
    .option('--space <name>', 'space of Kibana')
    .option('--session-url <url>', 'page of a session in imapwhy serve, with {{value}} for its id')
    .option('--namespace <name>', 'last part of the names of indices (default: default)')
    .option('--api-key <secret>', 'env:NAME or file:PATH')
    .option('--user <name>', 'with --password')
    .option('--password <secret>', 'env:NAME or file:PATH')
    .option('--ca <file>', 'certificate of the authority, in PEM format')
    .option(
      '--keep-days <days>',
      'let events be deleted this long after their index was rolled over; without it nothing ever is',
    )
    .option('--dry-run', 'print the requests, change nothing')
    .option('--diff', 'print how the cluster differs, change nothing')
    .action(setup);
}

async function setup(options: SetupOptions): Promise<void> {
  const targets = targetsFrom(options);
  const retention: Retention = { eventDays: daysOf(options.keepDays), pipelineDays: daysOf(options.keepDays) };
  const connection = connect(targets.elasticsearch);
  try {
    const cluster = await inspectCluster(connection.request);
    const steps = await planSetup(connection.request, cluster, retention);
    if (options.dryRun) return printRequests(steps);
    out(choices(cluster));
    if (options.diff) return printDifferences(steps);
    const notes = await applySetup(connection.request, cluster, steps, targets.elasticsearch.namespace);
    for (const step of steps) out(`${WORDS[step.state]}  ${step.what}`);
    for (const note of notes) out(`note       ${note}`);
    await setUpKibana(targets.kibana, targets.elasticsearch.namespace);
    if (steps.some((step) => step.state === 'foreign'))
      throw new Error(
        'some names are taken by templates that are not ours (see above): rename or remove those, then repeat',
      );
  } finally {
    await connection.close();
  }
}

async function setUpKibana(config: ReturnType<typeof targetsFrom>['kibana'], namespace: string): Promise<void> {
  if (config === undefined) {
    out(
      'Kibana     not named. Import deploy/kibana/imapwhy.ndjson under Stack Management, Saved Objects, Import; or repeat with --kibana URL.',
    );
    return;
  }
  const options = {
    namespace: namespace === 'default' ? KIBANA_DEFAULTS.namespace : namespace,
    sessionUrl: config.sessionUrl,
  };
  const count = await importObjects(config, ndjsonOf(savedObjects(options)));
  out(`imported   ${count} saved objects into Kibana at ${config.url}`);
}

const WORDS: Readonly<Record<Step['state'], string>> = {
  new: 'new      ',
  changed: 'renewed  ',
  same: 'unchanged',
  newer: 'left     ', // of a newer release
  foreign: 'NOT OURS ',
};

function choices({ version, offer }: Cluster): string {
  const lifecycle = {
    ilm: 'index lifecycle management',
    'data-stream': 'the lifecycle of data streams',
    none: 'no lifecycle: this cluster has none, so indices are not rolled over',
  }[offer.lifecycle];
  const types = offer.types.size === 0 ? 'plain field types only' : [...offer.types].sort().join(', ');
  return `Elasticsearch ${version}: using ${lifecycle}; ${types}`;
}

function printRequests(steps: readonly Step[]): void {
  for (const { path, body, state } of steps)
    if (state === 'new' || state === 'changed') out(`PUT ${path}\n${JSON.stringify(body, undefined, 2)}\n`);
}

function printDifferences(steps: readonly Step[]): void {
  for (const step of steps) {
    out(`${WORDS[step.state].replace('renewed  ', 'differs  ')}  ${step.what}`);
    for (const { path, there, wanted } of step.differences) {
      if (there !== undefined) out(`  - ${path}: ${there}`);
      if (wanted !== undefined) out(`  + ${path}: ${wanted}`);
    }
  }
}

function daysOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new UseError(`--keep-days ${text}: a whole number of days`);
  return Number(text);
}

/** What comes from a cluster may hold anything. */
function out(text: string): void {
  process.stdout.write(`${text.split('\n').map(terminalText).join('\n')}\n`);
}
