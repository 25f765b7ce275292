import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { LineFramer, type LineLimits } from '../ingest/framing/line.ts';
import type { SourceRecord } from '../ingest/record.ts';
import { Utf8Chunks } from '../ingest/text.ts';
import { Detector } from '../models/anomaly/detector.ts';
import { KINDS, type Kind } from '../models/anomaly/kind.ts';
import { reasonText } from '../models/anomaly/reason.ts';
import { SHIPPED_SETTINGS } from '../models/anomaly/settings.ts';
import { terminalText } from '../reports/clean-text.ts';
import { csvCell, type MetricColumns, metricColumns, metricRow, parseNumber, parseTime } from './csv-metric.ts';
import { LineOutput } from './line-output.ts';
import { UseError } from './use-error.ts';

export interface AnomalyOptions {
  readonly kind: string;
  readonly reasons?: boolean;
}

const DONE = 0;
const FAILED = 1;
const LIMITS: LineLimits = { lengthMax: 1 << 16, lengthKept: 1 << 12 };
const ROWS_AT_ONCE = 512;

export function registerAnomaly(program: Command): void {
  program
    .command('anomaly')
    .description(
      'score each row of a metric, streaming: timestamp,value[,n] in, timestamp,value,anomaly_score (0 to 1) out',
    )
    .argument('<file>', 'CSV with a header that names timestamp, value and perhaps n; - for standard input')
    .option('--kind <kind>', `what the numbers are: ${KINDS.join(', ')}`, 'value')
    .option('--reasons', 'add a column that says in words why a row scored')
    .addHelpText(
      'after',
      [
        '',
        'value: any number. count: events in that step. ratio: 0 to 1, of n. duration: mean of n, any unit.',
        'n is how many events are behind the value: with it, one failure of one is told from 500 of 500.',
        'A row that cannot be judged scores 0, and standard error says why; every row has its answer, in the same order.',
        '',
        'Examples:',
        '  imapwhy anomaly cpu.csv > scored.csv',
        "  imapwhy anomaly --kind ratio --reasons success-rate.csv | awk -F, '$3 >= 0.5'",
      ].join('\n'),
    )
    .action(async (file: string, options: AnomalyOptions) => {
      process.exitCode = await scoreMetric(file, options, process.stdout);
    });
}

/** Exit code 0: done; 1: the file cannot be read, is no metric, or has no row that can be judged. */
export async function scoreMetric(file: string, options: AnomalyOptions, out: Writable): Promise<number> {
  const kind = KINDS.find((k) => k === options.kind);
  if (kind === undefined) throw new UseError(`--kind ${options.kind}: no such kind. Write one of ${KINDS.join(', ')}.`);
  const name = file === '-' ? 'standard input' : terminalText(file);
  const scoring = new MetricScoring(name, kind, options.reasons === true);
  const output = new LineOutput(out);
  for await (const records of linesOf(file)) {
    for (const [i, { text }] of records.entries()) {
      const line = scoring.next(text);
      if (line !== undefined) output.add(line);
      if (i % ROWS_AT_ONCE === 0 && output.isFull) await output.flush();
    }
    await output.flush();
    if (output.gone) return DONE;
  }
  for (const note of scoring.notes()) process.stderr.write(`imapwhy: ${note}\n`);
  return scoring.judged > 0 ? DONE : FAILED;
}

/** Lines of a file or pipe, some at a time, however long it is. */
async function* linesOf(file: string): AsyncGenerator<readonly SourceRecord[]> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  const decoder = new Utf8Chunks();
  const framer = new LineFramer(0, LIMITS);
  try {
    for await (const bytes of stream) {
      const records: SourceRecord[] = [];
      framer.push(decoder.push(bytes), records);
      yield records;
    }
  } catch (cause) {
    throw new Error(`${file}: cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`, { cause });
  }
  const rest: SourceRecord[] = [];
  framer.push(decoder.flush(), rest);
  framer.flush(rest);
  yield rest;
}

/** Rows that need a word on standard error, by what is wrong with them. */
interface Remark {
  readonly what: string;
  readonly line: number;
  readonly example: string;
  rows: number;
}

/** The state of one run: a line in, a line out. */
class MetricScoring {
  judged = 0;
  readonly #name: string;
  readonly #kind: Kind;
  readonly #reasons: boolean;
  readonly #detector: Detector;
  readonly #remarks = new Map<string, Remark>();
  #columns: MetricColumns | undefined;
  #line = 0;
  #rows = 0;
  #at = Number.NaN;
  #first = Number.NaN;
  #constant = true;

  constructor(name: string, kind: Kind, reasons: boolean) {
    this.#name = name;
    this.#kind = kind;
    this.#reasons = reasons;
    this.#detector = new Detector(kind);
  }

  /** The answer to a line; undefined to an empty one. The header comes before the first answer. */
  next(text: string): string | undefined {
    this.#line++;
    if (text.trim() === '' || text === '\ufeff') return undefined;
    if (this.#columns) return this.#score(text, this.#columns);
    const found = metricColumns(text);
    if (!found)
      throw new Error(
        `${this.#name} line ${this.#line}: no columns timestamp and value. Begin with a header: timestamp,value or timestamp,value,n.`,
      );
    this.#columns = found.columns;
    const head = `timestamp,value,anomaly_score${this.#reasons ? ',reason' : ''}`;
    return found.header ? head : `${head}\n${this.#score(text, found.columns)}`;
  }

  notes(): readonly string[] {
    const rows = (n: number): string => `${n} ${n === 1 ? 'row' : 'rows'}`;
    const notes = [...this.#remarks.values()].map(
      (r) =>
        `${this.#name} line ${r.line}: ${r.what}${r.example === '' ? '' : ` (${terminalText(r.example)})`}; ${rows(r.rows)} in all.`,
    );
    if (this.#rows === 0)
      return [...notes, `${this.#name} has no rows: nothing was scored. Give timestamp,value[,n] rows.`];
    if (this.judged === 0) return [...notes, `${this.#name}: not one of ${rows(this.#rows)} could be judged.`];
    const start = this.#kind === 'value' ? noveltyStart : SHIPPED_SETTINGS.residualStartRows;
    if (this.judged <= start)
      notes.push(
        `${this.#name} has ${rows(this.judged)} that can be judged; nothing is called unusual before ${start} were seen, so all scores are 0.`,
      );
    else if (this.#constant) notes.push(`${this.#name}: all values are the same, so no row stands out.`);
    return notes;
  }

  #score(text: string, columns: MetricColumns): string {
    this.#rows++;
    const row = metricRow(text, columns);
    const score = this.#judge(row.timestamp, row.value, row.n);
    const answer = `${csvCell(row.timestamp)},${csvCell(row.value)},${Number(score.toFixed(6))}`;
    return this.#reasons ? `${answer},${csvCell(this.#reason(score))}` : answer;
  }

  #reason(score: number): string {
    const { finding } = this.#detector;
    return finding === undefined || score < REASON_FROM ? '' : reasonText(finding, this.#kind, this.#at);
  }

  #judge(timestamp: string, value: string, n: string): number {
    const at = parseTime(timestamp);
    if (Number.isNaN(at)) return this.#remark('the timestamp is no time, so the row is not judged', timestamp);
    const number = parseNumber(value);
    const size = parseNumber(n);
    const wrong = wrongIn(this.#kind, value, number, n, size);
    if (wrong !== undefined) return this.#remark(wrong, `${value}${n === '' ? '' : `, n ${n}`}`);
    if (at <= this.#at)
      this.#remark('not later than the row before, so it is judged as if it came at the same time', timestamp);
    if (Number.isNaN(number) && this.#kind === 'value')
      return this.#remark('there is no value, so the row is not judged', '');
    this.#at = Number.isNaN(this.#at) ? at : Math.max(at, this.#at);
    if (!Number.isNaN(number)) {
      if (Number.isNaN(this.#first)) this.#first = number;
      else if (number !== this.#first) this.#constant = false;
    }
    this.judged++;
    return this.#detector.observe(at, number, size);
  }

  /** Remembers the first row of each thing that is wrong, and how many there are. Scores 0. */
  #remark(what: string, example: string): number {
    const known = this.#remarks.get(what);
    if (known) known.rows++;
    else this.#remarks.set(what, { what, line: this.#line, example: example.slice(0, 40), rows: 1 });
    return 0;
  }
}

const noveltyStart = Math.ceil(SHIPPED_SETTINGS.noveltyRestSpans * SHIPPED_SETTINGS.spanRowsMin);
const REASON_FROM = 0.3;
/** What metrics write where there is no number. */
const NOTHING = new Set(['', 'nan', 'null', 'none', 'na', 'n/a', '-']);

/** Why a row cannot be judged; undefined if it can. Nothing reported is no mistake: a count, ratio or duration is then silent. */
function wrongIn(kind: Kind, value: string, number: number, n: string, size: number): string | undefined {
  if (Number.isNaN(number) && !NOTHING.has(value.toLowerCase()))
    return 'the value is no finite number, so the row is not judged';
  if (Number.isNaN(size) && !NOTHING.has(n.toLowerCase())) return 'n is no finite number, so the row is not judged';
  if (size < 0) return 'n is negative, so the row is not judged';
  if (kind === 'count' && number < 0) return 'a count cannot be negative, so the row is not judged';
  if (kind === 'duration' && number < 0) return 'a duration cannot be negative, so the row is not judged';
  if (kind === 'ratio' && !(Number.isNaN(number) || (number >= 0 && number <= 1)))
    return 'a ratio lies between 0 and 1 (divide percent by 100), so the row is not judged';
  return undefined;
}
