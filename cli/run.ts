import type { Command } from 'commander';
import { kafkaConnection } from '../ingest/kafka/config.ts';
import { KafkaError } from '../ingest/kafka/kafka-error.ts';
import { kafkajsKafka } from '../ingest/kafka/kafkajs/client.ts';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { DEFAULT_TIMERS } from '../processors/profile/known-timers.ts';
import { newRedaction } from '../processors/redact.ts';
import { readWeights } from './fit.ts';
import { loadModel } from './model-directory.ts';
import { readRunConfig } from './run-config.ts';
import { siteKey } from './site-key.ts';
import { startService } from './stream/service.ts';

const REPORT_MS = 60_000;

export function registerRun(program: Command): void {
  program
    .command('run')
    .description(
      'The streaming service: log lines from Kafka, sessions and causes into Elasticsearch. Start it again, and the work is shared.',
    )
    .requiredOption('--config <file>', 'YAML; docs/streaming.md shows every setting')
    .action(async (options: { readonly config: string }) => run(options.config));
}

/** Runs until SIGTERM or SIGINT, then finishes what is in hand. */
async function run(file: string): Promise<void> {
  const config = readRunConfig(file);
  // Only who correlates needs it; whoever else is given it is not kept from working by a folder that only others have.
  const directory = config.roles.includes('correlate') ? config.prediction?.model : undefined;
  const prediction = directory === undefined ? undefined : await loadModel(directory);
  const kafka = kafkajsKafka(await kafkaConnection(config.kafka));
  const log = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const service = await startService(config, {
    kafka,
    redaction: newRedaction(await siteKey()),
    model: config.weights === undefined ? SHIPPED_MODEL : await readWeights(config.weights),
    timers: DEFAULT_TIMERS,
    prediction,
    log,
  }).catch(async (error: unknown) => {
    await kafka.close(); // connections that stay open would keep the process from ending
    if (!(error instanceof KafkaError)) throw error;
    throw new KafkaError(
      error.code,
      `Kafka at ${config.kafka.brokers.join(', ')}: ${error.message} (${error.code})`,
      error,
    );
  });
  const predicts = prediction ? `; predicting with ${prediction.name}` : '';
  const nobody = config.correlation ? '' : '; correlation is off: nobody joins sessions';
  log(`running: ${config.roles.join(', ')}${nobody}${predicts}`);
  const tellCounts = (): void => {
    for (const { name, label, value } of service.counters.entries()) log(`${name}{${label}} ${value}`);
  };
  const reporting = setInterval(tellCounts, REPORT_MS);
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  clearInterval(reporting);
  log(`${signal}: finishing what is in hand, for ${config.drain_seconds} s at most; once more ends it at once`);
  const give = (why: string): never => {
    tellCounts();
    log(`${why}: ${service.left()}. What is not written down will be done again by whoever takes over`);
    process.exit(1);
  };
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => give(`${name} once more`));
  const deadline = setTimeout(() => give(`not finished after ${config.drain_seconds} s`), config.drain_seconds * 1000);
  await service.stop();
  await kafka.close();
  clearTimeout(deadline);
  tellCounts();
  log('stopped');
}
