import type { Command } from 'commander';
import { type DeadLetter, deadLetterTopic, readDeadLetter, toReplay } from '../ingest/kafka/dead-letter.ts';
import type { ConsumedRecord, Kafka } from '../ingest/kafka/port.ts';
import { newRedaction } from '../processors/redact.ts';
import { cutToWidth, terminalText } from '../reports/clean-text.ts';
import { exactlyOnce, progressTopic, readProgress } from './exactly-once.ts';
import { type KafkaOptions, openKafka, withKafkaOptions } from './kafka-options.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';

const DONE = 0;
const FAILED = 1;

const suffix = deadLetterTopic('');
const replaysAtOnce = 500;
const shownBytesMax = 64 * 1024;
const columns = 160;

interface DlqOptions extends KafkaOptions {
  readonly topic?: string;
  readonly code?: string;
  readonly stage?: string;
  readonly limit: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** A dead letter and where it lies. */
interface Found {
  readonly topic: string;
  readonly partition: number;
  readonly record: ConsumedRecord;
  readonly letter: DeadLetter;
  readonly replayed: boolean;
}

export function registerDlq(program: Command): void {
  const dlq = program.command('dlq').description('dead letters: records that could not be done, and why');
  const filtered = (command: Command): Command =>
    withKafkaOptions(command)
      .option('--topic <name>', 'only what came from this topic')
      .option('--code <code>', 'only with this code (handler_failed, mapping_conflict, …)')
      .option('--stage <stage>', 'only of this stage (parse, correlate, index)');
  filtered(dlq.command('list').description('one line each; those that were sent again are left out'))
    .option('--all', 'also those that were sent again')
    .option('--limit <n>', 'at most so many', '100')
    .option('--json', 'NDJSON')
    .action(async (options: DlqOptions) => {
      process.exitCode = await withKafka(options, (kafka, prefix) => list(kafka, prefix, options));
    });
  filtered(
    dlq
      .command('show')
      .description('one dead letter with its record; secrets are replaced')
      .argument('<place>', 'as list prints it: TOPIC/PARTITION/OFFSET'),
  ).action(async (place: string, options: DlqOptions) => {
    process.exitCode = await withKafka(options, (kafka) => show(kafka, place));
  });
  filtered(
    dlq
      .command('replay')
      .description('send records to the topic that they came from, each dead letter once')
      .argument(
        '[place...]',
        'as list prints it: TOPIC/PARTITION/OFFSET; without one, all that the filters let through',
      ),
  ).action(async (places: string[], options: DlqOptions) => {
    process.exitCode = await withKafka(options, (kafka, prefix) => replay(kafka, prefix, places, options));
  });
}

async function withKafka(
  options: KafkaOptions,
  work: (kafka: Kafka, prefix: string) => Promise<number>,
): Promise<number> {
  const { kafka, topicPrefix } = await openKafka(options);
  try {
    return await work(kafka, topicPrefix);
  } finally {
    await kafka.close();
  }
}

async function list(kafka: Kafka, prefix: string, options: DlqOptions): Promise<number> {
  if (!/^[1-9][0-9]{0,6}$/.test(options.limit))
    throw new UseError(`--limit ${options.limit}: write a number from 1 on.`);
  const limit = Number(options.limit);
  const redaction = newRedaction(await siteKey());
  const told = (found: Found): Found => ({
    ...found,
    letter: { ...found.letter, message: found.letter.message && redaction.redact(found.letter.message) },
  });
  let shown = 0;
  let matching = 0;
  for (const topic of await deadLetterTopics(kafka, prefix, options))
    await eachDeadLetter(kafka, topic, options, (found) => {
      if (found.replayed && options.all !== true) return;
      matching += 1;
      if (shown >= limit) return;
      shown += 1;
      process.stdout.write(`${options.json === true ? json(told(found)) : line(told(found))}\n`);
    });
  if (matching === 0) process.stderr.write('imapwhy: no dead letters.\n');
  else if (matching > shown)
    process.stderr.write(`imapwhy: ${matching - shown} more; --limit ${matching} shows them.\n`);
  return DONE;
}

async function show(kafka: Kafka, place: string): Promise<number> {
  const { topic, partition, offset } = parsePlace(place);
  const redaction = newRedaction(await siteKey());
  let found: Found | undefined;
  await eachDeadLetter(kafka, topic, {}, (candidate) => {
    if (candidate.partition === partition && candidate.record.offset === offset) found = candidate;
  });
  if (found === undefined) {
    process.stderr.write(
      `imapwhy: there is no ${terminalText(place)}: it may have aged out; imapwhy dlq list shows what is there.\n`,
    );
    return FAILED;
  }
  const { letter, record } = found;
  const origin = letter.origin && `${letter.origin.topic}/${letter.origin.partition}/${letter.origin.offset}`;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['place', place],
    ['from', origin],
    ['written', letter.timestamp === undefined ? undefined : timeText(letter.timestamp)],
    ['failed', timeText(record.timestamp)],
    ['stage', letter.stage],
    ['code', letter.code],
    ['error', [letter.errorClass, letter.message].filter((text) => text !== undefined).join(': ')],
    ['attempts', String(letter.attempt)],
    ['version', letter.version],
    ['sent again', found.replayed ? 'yes' : 'no'],
    ['key', record.key === null ? 'none' : textOf(record.key)],
    ...[...record.headers]
      .filter(([name]) => !name.startsWith('imapwhy.dlq.'))
      .map(([name, value]) => [name, textOf(value)] as const),
    ['value', record.value === null ? 'none (a tombstone)' : `${record.value.length} bytes`],
  ];
  const safe = (text: string): string => terminalText(redaction.redact(text));
  for (const [name, value] of rows) process.stdout.write(`${safe(name).padEnd(12)} ${safe(value ?? 'not said')}\n`);
  if (record.value !== null) process.stdout.write(`\n${textOf(record.value).split('\n').map(safe).join('\n')}\n`);
  return DONE;
}

async function replay(kafka: Kafka, prefix: string, places: readonly string[], options: DlqOptions): Promise<number> {
  const wanted = new Map<string, Set<string>>();
  for (const place of places) {
    const { topic, partition, offset } = parsePlace(place);
    wanted.set(topic, (wanted.get(topic) ?? new Set()).add(`${partition}/${offset}`));
  }
  const topics = places.length > 0 ? [...wanted.keys()] : await deadLetterTopics(kafka, prefix, options);
  let sent = 0;
  let before = 0;
  let lost = 0;
  for (const topic of topics) {
    await kafka.createTopics([progressTopic(replayedTopic(topic))]);
    await exactlyOnce(kafka, `${topic}.replay`, async (transactor) => {
      const due: Found[] = [];
      before = 0;
      lost = 0;
      await eachDeadLetter(kafka, topic, options, (found) => {
        if (places.length > 0 && wanted.get(topic)?.has(markOf(found)) !== true) return;
        if (found.replayed) before += 1;
        else if (toReplay(found.record, topic) === undefined) lost += 1;
        else due.push(found);
      });
      while (due.length > 0) {
        const now = due.splice(0, replaysAtOnce);
        await transactor.commit({
          records: now.flatMap((found) => {
            const record = toReplay(found.record, topic);
            const mark = {
              topic: replayedTopic(topic),
              partition: 0,
              key: Buffer.from(markOf(found)),
              value: Buffer.from('sent'),
            };
            return record === undefined ? [] : [record, mark];
          }),
          consumed: [],
        });
        sent += now.length;
      }
    });
  }
  process.stdout.write(`${sent} sent again${before > 0 ? `, ${before} were before` : ''}\n`);
  if (lost > 0)
    process.stderr.write(
      `imapwhy: ${lost} do not say which topic they came from, or are damaged batches (undecodable), and stay where they are.\n`,
    );
  return lost > 0 ? FAILED : DONE;
}

/** Which dead letters were sent again: one record each, in the same transaction as the record itself. */
const replayedTopic = (deadLetters: string): string => `${deadLetters}.replayed`;
const markOf = ({ partition, record }: Found): string => `${partition}/${record.offset}`;

async function deadLetterTopics(kafka: Kafka, prefix: string, { topic }: DlqOptions): Promise<readonly string[]> {
  const there = await kafka.listTopics();
  if (topic === undefined) return there.filter((name) => name.endsWith(suffix) && name.startsWith(prefix));
  const named = topic.endsWith(suffix) ? topic : deadLetterTopic(topic);
  if (!there.includes(named)) throw new UseError(`--topic ${topic}: there is no topic ${named}.`);
  return [named];
}

async function eachDeadLetter(
  kafka: Kafka,
  topic: string,
  { code, stage }: { readonly code?: string; readonly stage?: string },
  each: (found: Found) => void,
): Promise<void> {
  const marks = (await kafka.listTopics()).includes(replayedTopic(topic))
    ? await readProgress(kafka, replayedTopic(topic))
    : new Map<string, string>();
  const reading = await kafka.read(
    { topic },
    {
      records: (partition, records) => {
        for (const record of records) {
          const letter = readDeadLetter(record);
          if ((code !== undefined && letter.code !== code) || (stage !== undefined && letter.stage !== stage)) continue;
          each({ topic, partition, record, letter, replayed: marks.has(`${partition}/${record.offset}`) });
        }
      },
      failed: (error) => process.stderr.write(`imapwhy: ${terminalText(error.message)}\n`),
    },
  );
  await reading.caughtUp;
}

function parsePlace(place: string): { readonly topic: string; readonly partition: number; readonly offset: number } {
  const match = /^([A-Za-z0-9._-]{1,249})\/([0-9]{1,9})\/([0-9]{1,15})$/.exec(place);
  const topic = match?.[1];
  if (topic === undefined || !topic.endsWith(suffix))
    throw new UseError(`${place}: write TOPIC${suffix}/PARTITION/OFFSET, as imapwhy dlq list prints it.`);
  return { topic, partition: Number(match?.[2]), offset: Number(match?.[3]) };
}

function line({ topic, partition, record, letter, replayed }: Found): string {
  const reason = `${letter.stage ?? '?'} ${letter.code ?? '?'}: ${letter.message ?? ''}`;
  const state = replayed ? ' (sent again)' : '';
  const head = `${topic}/${partition}/${record.offset}  ${timeText(record.timestamp)}  attempt ${letter.attempt}${state}  `;
  return cutToWidth(terminalText(head + reason), columns);
}

function json({ topic, partition, record, letter, replayed }: Found): string {
  return JSON.stringify({
    place: `${topic}/${partition}/${record.offset}`,
    at: timeText(record.timestamp),
    replayed,
    bytes: record.value?.length ?? 0,
    ...letter,
  });
}

const timeText = (at: number): string =>
  at >= 0 && at < 253_402_300_800_000 ? new Date(at).toISOString() : 'at no time';
const textOf = (bytes: Buffer): string => bytes.subarray(0, shownBytesMax).toString('utf8');
