import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf, OutputError } from '../outputs/output-error.ts';
import { type ReadStore, readStore } from '../outputs/sqlite.ts';
import { parseZone } from '../processors/time.ts';
import { PLAIN_NAMES, pseudonyms } from '../reports/weekly/names.ts';
import { weeklyHtml } from '../reports/weekly/render/html.ts';
import { weeklyJson } from '../reports/weekly/render/json.ts';
import { weeklyMarkdown } from '../reports/weekly/render/markdown.ts';
import { localIso, parseWeek, type Week, weekAt } from '../reports/weekly/week.ts';
import { weeklyReport } from '../reports/weekly/weekly.ts';
import { weeklyPage } from '../reports/weekly/weekly-page.ts';
import type { WeeklyReport } from '../reports/weekly/weekly-report.ts';
import { LANGUAGES, type Language, WORDS } from '../reports/weekly/words/index.ts';
import { momentOption } from './clock-options.ts';
import { DEFAULT_STORE, luxonZone } from './explain.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';

const DONE = 0;
const FAILED = 1;

const FORMATS = ['html', 'markdown', 'json'] as const;
type Format = (typeof FORMATS)[number];

export interface ReportOptions {
  readonly week?: string;
  readonly tz?: string;
  readonly store?: string;
  readonly format?: Format;
  readonly out?: string;
  readonly lang?: Language;
  readonly moment?: string;
  readonly pseudonymise?: boolean;
}

export function registerReport(program: Command): void {
  program
    .command('report')
    .description('the weekly root-cause report: what failed, why, what it cost, whose job it is, and what changed')
    .option('--week <yyyy-Www>', 'ISO week such as 2026-W47 (default: the last one with sessions in the store)')
    .option('--tz <zone>', 'zone in which weeks and days begin (default: that of the last analysis, else UTC)')
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .addOption(new Option('--format <format>', 'how it is written').choices(FORMATS).default('html'))
    .option('--out <file>', 'where to write it (default: standard output)')
    .addOption(new Option('--lang <language>', 'language').choices(LANGUAGES).default('en'))
    .option('--moment <time>', 'also what changed at this time (a change, a new rule): before against after')
    .option('--pseudonymise', 'users and addresses become names that only this site can tell apart')
    .addHelpText(
      'after',
      '\nExamples:\n  imapwhy report --week 2026-W47 --out week.html\n  imapwhy report --week 2026-W47 --format markdown --lang zh\n  imapwhy report --moment 2026-11-24T09:00 --out change.html',
    )
    .action(async (options: ReportOptions) => {
      process.exitCode = await report(options);
    });
}

/** Exit code 0: done; 1: nothing to report on, or the store or an output failed. Wrong use throws a UseError. */
export async function report(options: ReportOptions): Promise<number> {
  if (options.tz !== undefined && parseZone(options.tz) === undefined)
    throw new UseError(
      `--tz ${options.tz}: unknown zone. Use a name such as Europe/Warsaw, or an offset such as +02:00.`,
    );
  const store = readStore(options.store ?? DEFAULT_STORE);
  try {
    const made = await makeReport(store, options);
    if (typeof made === 'string') {
      process.stderr.write(`imapwhy: ${made}\n`);
      return FAILED;
    }
    const text = rendered(made, options.format ?? 'html', options.lang ?? 'en');
    if (options.out === undefined) process.stdout.write(text);
    else await write(options.out, text);
    return DONE;
  } finally {
    store.close();
  }
}

/** The report, or a sentence that says why there is none. */
async function makeReport(store: ReadStore, options: ReportOptions): Promise<WeeklyReport | string> {
  const [lastRun] = store.runs();
  const zone = luxonZone(options.tz ?? lastRun?.zone ?? 'UTC');
  const civil = parseZone(options.tz ?? lastRun?.zone ?? 'UTC');
  const moment =
    options.moment === undefined || civil === undefined ? undefined : momentOption('--moment', options.moment, civil);
  const period = store.search.period();
  const week = chosenWeek(options.week, moment, period?.last, zone);
  if (period === undefined || week === undefined)
    return `${options.store ?? DEFAULT_STORE} holds no sessions yet. Run \`imapwhy analyze\` first.`;
  const key = options.pseudonymise ? await siteKey() : undefined;
  const made = weeklyReport(
    {
      profiles: (range) => store.profiles(range),
      incidents: () => store.incidents(),
      coverage: (range) => store.coverage(range),
      period: () => period,
    },
    {
      week,
      names: key === undefined ? PLAIN_NAMES : pseudonyms(key),
      engine: lastRun?.engine ?? null,
      ...(moment !== undefined && { moment }),
    },
  );
  if (made.gaps.data_start === null) {
    if (week.startMs > Date.now())
      throw new UseError(`--week ${week.name} begins on ${made.week.start}, which is still to come.`);
    const [first, last] = [weekAt(period.first, zone).name, weekAt(period.last, zone).name];
    const held = first === last ? first : `${first} to ${last}`;
    return `the store has no sessions of ${week.name} (${made.week.start} to ${made.week.end}). It holds ${held}: imapwhy report --week ${last}`;
  }
  if (moment !== undefined && made.before_after === null)
    return `--moment ${options.moment}: fewer than 15 minutes of data lie before or after it; the store holds ${localIso(period.first, zone)} to ${localIso(period.last, zone)}.`;
  return made;
}

function chosenWeek(
  name: string | undefined,
  moment: number | undefined,
  last: number | undefined,
  zone: string,
): Week | undefined {
  if (name !== undefined) {
    const week = parseWeek(name, zone);
    if (week === undefined)
      throw new UseError(`--week ${name}: not an ISO week. Write a year and a week of it, such as 2026-W47.`);
    return week;
  }
  const at = moment ?? last;
  return at === undefined ? undefined : weekAt(at, zone);
}

function rendered(made: WeeklyReport, format: Format, language: Language): string {
  const words = WORDS[language];
  switch (format) {
    case 'html':
      return weeklyHtml(weeklyPage(made, words));
    case 'markdown':
      return weeklyMarkdown(weeklyPage(made, words));
    case 'json':
      return weeklyJson(made, words);
    default:
      return format satisfies never;
  }
}

async function write(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw new OutputError('OUTPUT_FAILED', `${path}: cannot be written: ${messageOf(error)}`, error);
  }
}
