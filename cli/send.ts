import type { Command } from 'commander';
import { findInputs } from '../ingest/find.ts';
import { KafkaError } from '../ingest/kafka/kafka-error.ts';
import type { Kafka, RecordToSend } from '../ingest/kafka/port.ts';
import { endOfInput, rawHeaders } from '../ingest/kafka/raw-record.ts';
import { type OpenedLog, openLog } from '../ingest/open.ts';
import type { InputProblem } from '../ingest/problem.ts';
import type { SourceRecord } from '../ingest/record.ts';
import { reachedBy, timed } from '../processors/correlate/timed-event.ts';
import { ParseStage } from '../processors/parse/index.ts';
import { terminalText } from '../reports/clean-text.ts';
import { clockChoices, repeated } from './clock-options.ts';
import { distinctLogs } from './distinct-logs.ts';
import { exactlyOnce, progressTopic, readProgress } from './exactly-once.ts';
import { type KafkaOptions, openKafka, withKafkaOptions } from './kafka-options.ts';
import type { PreparedSource } from './pipeline.ts';
import { prepareSources } from './prepare.ts';
import { type ProgressDisplay, progressDisplay } from './progress.ts';
import { SideBySide } from './side-by-side.ts';
import { UseError } from './use-error.ts';

const DONE = 0;
const FAILED = 1;
const INTERRUPTED = 130;

/** Raw topics by what the sources are about: `PREFIX.raw.FAMILY`. */
export const RAW_FAMILIES = ['mail', 'proxy', 'waf', 'vpn', 'network', 'other'] as const;
type RawFamily = (typeof RAW_FAMILIES)[number];
const familyOfFormat: ReadonlyMap<string, RawFamily> = new Map<string, RawFamily>([
  ['dovecot', 'mail'],
  ['postfix', 'mail'],
  ['haproxy', 'proxy'],
  ['modsecurity', 'waf'],
  ['nginx-access', 'waf'],
  ['nginx-error', 'waf'],
  ['openvpn', 'vpn'],
  ['openvpn-status', 'vpn'],
  ['netfilter', 'network'],
  ['fail2ban', 'network'],
  ['netflow', 'network'],
]);

/** Of one transaction. */
const recordsAtOnce = 5_000;
const charactersAtOnce = 4 << 20;

export interface SendOptions extends KafkaOptions {
  readonly to: string;
  readonly tz?: readonly string[];
  readonly year?: string;
  readonly topic?: string;
  readonly partitions: string;
  readonly quiet?: boolean;
  readonly end?: boolean;
}

export function registerSend(program: Command): void {
  const command = program
    .command('send')
    .description('replay files into the raw topics of Kafka, each line once, however often this is started')
    .argument('<path...>', 'files, folders, globs, or - for standard input, as for analyze')
    .requiredOption('--to <where>', 'kafka');
  withKafkaOptions(command)
    .option(
      '--topic <name>',
      'one topic for all files (default: PREFIX.raw.mail, .proxy, .waf, .vpn, .network or .other)',
    )
    .option('--partitions <n>', 'of a raw topic that has to be made', '1')
    .option('--tz <zone>', 'zone of stamps that carry none: ZONE for all, or SOURCE=ZONE', repeated)
    .option('--year <yyyy>', 'year of stamps that carry none (default: from the logs themselves, else the file’s time)')
    .option('--end', 'say that no more will come: sessions that are open are closed, without waiting for time to pass')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nHow far each file has got is kept in the topic PREFIX.sent; a file that has grown is sent from there.\n\nExamples:\n  imapwhy send --to kafka --brokers 127.0.0.1:9092 /var/log/mail.log*\n  imapwhy send --to kafka --config imapwhy.yml --tz Europe/Warsaw /srv/logs',
    )
    .action(async (paths: string[], options: SendOptions) => {
      process.exitCode = await send(paths, options);
    });
}

/** Exit code 0: everything is in Kafka; 1: an input or Kafka failed; 130: interrupted between two transactions. */
export async function send(paths: readonly string[], options: SendOptions): Promise<number> {
  if (options.to !== 'kafka') throw new UseError(`--to ${options.to}: write --to kafka.`);
  if (!/^[1-9][0-9]{0,3}$/.test(options.partitions))
    throw new UseError(`--partitions ${options.partitions}: write a number from 1 to 9999.`);
  if (options.topic !== undefined && !/^[A-Za-z0-9._-]{1,249}$/.test(options.topic))
    throw new UseError(`--topic ${options.topic}: letters, digits, dots, dashes and underscores, please.`);
  const clock = clockChoices(options.tz ?? [], options.year, Date.now());
  const { kafka, topicPrefix } = await openKafka(options);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const found = await findInputs(paths);
  const logs: OpenedLog[] = [];
  const display = progressDisplay(process.stderr, options.quiet === true);
  try {
    for (const input of found.inputs) logs.push(await openLog(input, logs.length));
    const { distinct, copies } = distinctLogs(logs.filter((log) => log.head !== ''));
    const { sources } = await prepareSources(distinct, clock);
    const sending = new Sending(kafka, topicPrefix, options, display, totalOf(distinct), stopping.signal);
    await sending.begin();
    await sending.all(sources);
    if (options.end === true && !stopping.signal.aborted) await sending.end();
    display.done();
    sending.tell();
    const problems = [...found.problems, ...copies, ...logs.flatMap((log) => log.problems)];
    for (const { path, message } of problems)
      process.stderr.write(`imapwhy: ${terminalText(path)} ${terminalText(message)}\n`);
    if (stopping.signal.aborted) return INTERRUPTED;
    return problems.some((problem) => isFailure(problem) && paths.includes(problem.path)) ? FAILED : DONE;
  } finally {
    display.done();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    for (const log of logs) await log.close();
    await kafka.close();
  }
}

/** An empty file and one that was named twice were sent, as far as there was anything to send. */
const isFailure = ({ code }: InputProblem): boolean => code !== 'empty' && code !== 'duplicate';

const totalOf = (logs: readonly OpenedLog[]): number | undefined =>
  logs.some(({ size }) => size === undefined) ? undefined : logs.reduce((sum, { size }) => sum + (size ?? 0), 0);

class Sending {
  readonly #kafka: Kafka;
  readonly #prefix: string;
  readonly #options: SendOptions;
  readonly #display: ProgressDisplay;
  readonly #bytesTotal: number | undefined;
  readonly #signal: AbortSignal;
  readonly #counts = new Map<string, number>();
  #bytesBefore = 0;
  #lines = 0;
  #skipped = 0;
  #sources = 0;

  constructor(
    kafka: Kafka,
    prefix: string,
    options: SendOptions,
    display: ProgressDisplay,
    bytesTotal: number | undefined,
    signal: AbortSignal,
  ) {
    this.#kafka = kafka;
    this.#prefix = prefix;
    this.#options = options;
    this.#display = display;
    this.#bytesTotal = bytesTotal;
    this.#signal = signal;
  }

  get #progress(): string {
    return `${this.#prefix}.sent`;
  }

  async begin(): Promise<void> {
    await this.#kafka.createTopics([progressTopic(this.#progress)]);
  }

  /** All sources side by side in the time of their lines, as they were written: what belongs together comes together. */
  async all(sources: readonly PreparedSource[]): Promise<void> {
    const turns = new SideBySide();
    for (const source of sources) turns.begin(source);
    await Promise.all(
      sources.map(async (source) => {
        try {
          await this.source(source, turns);
        } finally {
          turns.done(source);
        }
      }),
    );
  }

  /** In every partition of every raw topic that was written to. */
  async end(): Promise<void> {
    const producer = await this.#kafka.producer();
    for (const [topic, ranges] of await this.#kafka.describeTopics([...this.#counts.keys()]))
      await producer.send(ranges.map(({ partition }) => endOfInput({ topic, partition })));
    await producer.close();
  }

  /** A file can be read again when Kafka fails for a while; a pipe goes by once. */
  private async source(prepared: PreparedSource, turns: SideBySide): Promise<void> {
    const { fingerprint, name } = prepared.log.source;
    const times = new RecordTimes(prepared);
    const rest = prepared.log.batches()[Symbol.asyncIterator]();
    /** Read from the source, and perhaps sent in an attempt whose end is not known. */
    let waiting: readonly SourceRecord[] = [];
    let ended = false;
    const more = async (): Promise<void> => {
      const next = await rest.next();
      if (next.done === true) ended = true;
      else {
        times.read(next.value.records);
        waiting = [...waiting, ...next.value.records];
        this.#show(next.value.bytesRead, next.value.records.length);
      }
    };
    await more();
    const topic = this.#options.topic ?? `${this.#prefix}.raw.${familyOf(prepared, waiting)}`;
    await this.#kafka.createTopics([{ topic, partitions: Number(this.#options.partitions) }]);
    this.#counts.set(topic, this.#counts.get(topic) ?? 0);
    // Whose time has not come holds no connection open.
    const [first] = waiting;
    if (first) await turns.at(prepared, times.of(first));
    let told = false;
    await exactlyOnce(this.#kafka, `${this.#prefix}.send.${fingerprint}`, async (transactor) => {
      const from = sentUpTo((await readProgress(this.#kafka, this.#progress)).get(`${topic} ${fingerprint}`));
      if (from > 0 && !told)
        process.stderr.write(`imapwhy: ${terminalText(name)} was sent up to byte ${from}; going on there\n`);
      told = true;
      let sent = from;
      while (!this.#signal.aborted) {
        const before = waiting.length;
        waiting = waiting.filter(({ offset }) => offset >= sent);
        this.#skipped += before - waiting.length;
        const [first] = waiting;
        if (!first) {
          if (ended) break;
          await more();
          continue;
        }
        await turns.at(prepared, times.of(first));
        const chunk = firstOf(waiting, (record) => times.of(record) <= turns.horizon(prepared));
        const next = (chunk.at(-1)?.offset ?? 0) + 1;
        const records = chunk.filter(({ text }) => text !== '').map((record) => toRecord(record, prepared, topic));
        await transactor.commit({
          records: [
            ...records,
            {
              topic: this.#progress,
              partition: 0,
              key: Buffer.from(`${topic} ${fingerprint}`),
              value: Buffer.from(`${next} ${name}`),
            },
          ],
          consumed: [],
        });
        waiting = waiting.slice(chunk.length);
        times.forget(chunk);
        sent = next;
        this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + records.length);
      }
    });
    this.#bytesBefore += prepared.log.size ?? 0;
    this.#sources += 1;
  }

  tell(): void {
    const lines = [...this.#counts].map(
      ([topic, count]) => `  ${count.toLocaleString('en-US').padStart(12)}  ${topic}\n`,
    );
    const sent = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `${sent.toLocaleString('en-US')} records of ${this.#sources} sources sent${this.#skipped > 0 ? `, ${this.#skipped.toLocaleString('en-US')} were there already` : ''}\n${lines.join('')}`,
    );
  }

  #show(bytesRead: number, lines: number): void {
    this.#lines += lines;
    this.#display.show({
      lines: this.#lines,
      bytes: this.#bytesBefore + bytesRead,
      bytesTotal: this.#bytesTotal,
      sources: this.#sources,
    });
  }
}

/** One transaction's worth, the first in any case. */
function firstOf(records: readonly SourceRecord[], isDue: (record: SourceRecord) => boolean): readonly SourceRecord[] {
  let characters = 0;
  let count = 0;
  for (const record of records) {
    if (count > 0 && (count >= recordsAtOnce || characters >= charactersAtOnce || !isDue(record))) break;
    characters += record.text.length;
    count += 1;
  }
  return records.slice(0, count);
}

/** How far the source has come with a record, on the common clock. */
class RecordTimes {
  readonly #stage = new ParseStage();
  readonly #prepared: PreparedSource;
  readonly #times = new Map<number, number>();
  #last = Number.NEGATIVE_INFINITY;

  constructor(prepared: PreparedSource) {
    this.#prepared = prepared;
    this.#stage.open(prepared.log.source, prepared.zone, prepared.near);
  }

  read(records: readonly SourceRecord[]): void {
    const { log, clock } = this.#prepared;
    this.#stage.each(log.source, records, (event, { offset }) => {
      if (event !== undefined && event.dataset !== 'unparsed')
        this.#last = Math.max(this.#last, reachedBy(timed(event, clock?.shiftMs ?? 0)));
      this.#times.set(offset, this.#last);
    });
  }

  of({ offset }: SourceRecord): number {
    return this.#times.get(offset) ?? this.#last;
  }

  /** These have been sent. */
  forget(records: readonly SourceRecord[]): void {
    for (const { offset } of records) this.#times.delete(offset);
  }
}

/** All lines of one file have one key, so that they stay in order in one partition. */
function toRecord(
  { text, offset, flaw }: SourceRecord,
  { log, zone, near, clock }: PreparedSource,
  topic: string,
): RecordToSend {
  const { fingerprint, name } = log.source;
  return {
    topic,
    key: Buffer.from(fingerprint),
    value: Buffer.from(text),
    headers: rawHeaders({ fingerprint, offset, source: name, zone: zone.name, near: Math.max(0, near), clock, flaw }),
  };
}

function sentUpTo(progress: string | undefined): number {
  const offset = Number(progress?.split(' ', 1)[0] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new KafkaError(
      'refused',
      `the topic of what was sent holds "${progress?.slice(0, 40)}", which is no offset: another program writes there`,
    );
  return offset;
}

/** By the format that most of its first records have. */
function familyOf({ log, zone, near }: PreparedSource, records: readonly SourceRecord[]): RawFamily {
  const stage = new ParseStage();
  const source = { ...log.source, index: 0 };
  stage.open(source, zone, near);
  stage.push(source, records.slice(0, 200));
  const formats = [...(stage.counts.get(0)?.formats ?? [])].toSorted(([, a], [, b]) => b - a);
  return familyOfFormat.get(formats[0]?.[0] ?? '') ?? 'other';
}
