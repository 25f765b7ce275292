import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf, OutputError } from '../outputs/output-error.ts';
import { readStore } from '../outputs/sqlite.ts';
import { terminalText } from '../reports/clean-text.ts';
import { weeklyHtml } from '../reports/weekly/render/html.ts';
import { weeklyJson } from '../reports/weekly/render/json.ts';
import { weeklyMail } from '../reports/weekly/render/mail.ts';
import { weeklyMarkdown } from '../reports/weekly/render/markdown.ts';
import { weeklyPage } from '../reports/weekly/weekly-page.ts';
import type { WeeklyReport } from '../reports/weekly/weekly-report.ts';
import { LANGUAGES, type Language, WORDS } from '../reports/weekly/words/index.ts';
import { repeated } from './clock-options.ts';
import { DEFAULT_STORE } from './explain.ts';
import { makeReport } from './report/make-report.ts';
import { findChromium, NO_CHROMIUM, pdfOf } from './report/pdf.ts';
import { mailAddresses, type SmtpServer, sendLetter, smtpServer } from './report/send.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';

const DONE = 0;
const FAILED = 1;
const TELL_EVERY = 100_000;

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
  readonly pdf?: string;
  readonly chromium?: string;
  readonly send?: boolean;
  readonly to?: readonly string[];
  readonly from?: string;
  readonly smtp?: string;
}

export function registerReport(program: Command): void {
  program
    .command('report')
    .description('the weekly root-cause report: what failed, why, what it cost, whose job it is, and what changed')
    .option('--week <yyyy-Www>', 'ISO week such as 2026-W47 (default: the last one with sessions in the store)')
    .option('--tz <zone>', 'zone in which weeks and days begin (default: that of the last analysis, else UTC)')
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .addOption(
      new Option('--format <format>', 'how it is written (default: by the name of --out, else html)').choices(FORMATS),
    )
    .option('--out <file>', 'where to write it (default: standard output, if nothing else is to be done)')
    .addOption(new Option('--lang <language>', 'language').choices(LANGUAGES).default('en'))
    .option('--moment <time>', 'also what changed at this time (a change, a new rule): before against after')
    .option('--pseudonymise', 'users and addresses become names that only this site can tell apart')
    .option('--pdf <file>', 'print it to PDF, with the Chromium of this machine')
    .option('--chromium <path>', 'the Chromium to print with (default: IMAPWHY_CHROMIUM, else the one in the PATH)')
    .option('--send', 'send it by mail, with the PDF if there is a Chromium')
    .option('--to <address>', 'to whom; may be given more than once (default: IMAPWHY_MAIL_TO)', repeated)
    .option('--from <address>', 'from whom (default: IMAPWHY_MAIL_FROM)')
    .option(
      '--smtp <url>',
      'smtps://user@host or smtp://user@host:587 (default: IMAPWHY_SMTP); the password is IMAPWHY_SMTP_PASSWORD',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  imapwhy report --week 2026-W47 --out week.html --pdf week.pdf\n  imapwhy report --week 2026-W47 --format markdown --lang zh\n  imapwhy report --moment 2026-11-24T09:00 --out change.html\n  imapwhy report --send --to lead@example.org --from imapwhy@example.org --smtp smtps://imapwhy@mail.example.org',
    )
    .action(async (options: ReportOptions) => {
      process.exitCode = await report(options);
    });
}

/** Exit code 0: done; 1: nothing to report on, or the store or an output failed. Wrong use throws a UseError. */
export async function report(options: ReportOptions): Promise<number> {
  const post = options.send ? postOf(options) : undefined;
  const chromium = options.pdf !== undefined || post !== undefined ? await findChromium(options.chromium) : undefined;
  if (options.pdf !== undefined && chromium === undefined) throw new Error(NO_CHROMIUM);
  const hiddenBy = options.pseudonymise ? await siteKey() : undefined;
  const made = readReport(options, hiddenBy);
  if (typeof made === 'string') {
    tell(made);
    return FAILED;
  }
  const language = options.lang ?? 'en';
  const pdf =
    chromium === undefined ? undefined : await pdfOf(html(made, language), chromium, Date.parse(made.week.end));
  const text = rendered(made, options.format ?? formatOf(options.out), language);
  if (options.out !== undefined) await write(options.out, text);
  if (options.pdf !== undefined && pdf !== undefined) await write(options.pdf, pdf);
  if (post !== undefined) await send(made, post, pdf, language);
  if (options.out === undefined && options.pdf === undefined && post === undefined) process.stdout.write(text);
  return DONE;
}

function readReport(options: ReportOptions, hiddenBy: string | undefined): WeeklyReport | string {
  const { week, tz, moment } = options;
  const store = readStore(options.store ?? DEFAULT_STORE);
  try {
    return makeReport(
      store,
      {
        ...(week !== undefined && { week }),
        ...(tz !== undefined && { tz }),
        ...(moment !== undefined && { moment }),
        ...(hiddenBy !== undefined && { hiddenBy }),
        onProgress: (profiles) => {
          if (profiles % TELL_EVERY === 0) tell(`${profiles.toLocaleString('en-US')} sessions read`);
        },
      },
      Date.now(),
    );
  } finally {
    store.close();
  }
}

interface Post {
  readonly server: SmtpServer;
  readonly from: string;
  readonly to: readonly string[];
}

function postOf({ to, from, smtp }: ReportOptions): Post {
  const { IMAPWHY_MAIL_TO: usualTo, IMAPWHY_MAIL_FROM: usualFrom } = process.env;
  const addressees = to ?? (usualTo ? [usualTo] : []);
  if (addressees.length === 0) throw new UseError('--send: to whom? Give --to ADDRESS, or IMAPWHY_MAIL_TO.');
  const [sender, ...more] = mailAddresses('--from', [from ?? usualFrom ?? '']);
  if (sender === undefined || more.length > 0) throw new UseError('--from: one address, please.');
  return { server: smtpServer(smtp), from: sender, to: mailAddresses('--to', addressees) };
}

async function send(made: WeeklyReport, post: Post, pdf: Buffer | undefined, language: Language): Promise<void> {
  const words = WORDS[language];
  const page = weeklyPage(made, words);
  await sendLetter(
    {
      from: post.from,
      to: post.to,
      subject: `IMAP ${made.week.name}: ${words.headline(made.availability)}`,
      text: weeklyMarkdown(page),
      html: weeklyMail(page),
      attachments:
        pdf === undefined
          ? []
          : [{ filename: `imap-${made.week.name}.pdf`, contentType: 'application/pdf', content: pdf }],
    },
    post.server,
  );
  tell(`sent to ${post.to.join(', ')}${pdf === undefined ? `, without a PDF: ${NO_CHROMIUM}` : ''}`);
}

/** `week.md` says what it shall be. */
function formatOf(file: string | undefined): Format {
  if (file === undefined) return 'html';
  if (/\.(?:md|markdown)$/i.test(file)) return 'markdown';
  return /\.json$/i.test(file) ? 'json' : 'html';
}

function rendered(made: WeeklyReport, format: Format, language: Language): string {
  const words = WORDS[language];
  switch (format) {
    case 'html':
      return html(made, language);
    case 'markdown':
      return weeklyMarkdown(weeklyPage(made, words));
    case 'json':
      return weeklyJson(made, words);
    default:
      return format satisfies never;
  }
}

const html = (made: WeeklyReport, language: Language): string => weeklyHtml(weeklyPage(made, WORDS[language]));

async function write(path: string, content: string | Buffer): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw new OutputError('OUTPUT_FAILED', `${path}: cannot be written: ${messageOf(error)}`, error);
  }
}

function tell(line: string): void {
  process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
}
