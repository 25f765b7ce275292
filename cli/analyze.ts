import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { openNdjson } from '../outputs/ndjson.ts';
import { openStore, type Store } from '../outputs/sqlite.ts';
import type { Incident } from '../processors/profile/incident.ts';
import { DEFAULT_TIMERS, type KnownTimer } from '../processors/profile/known-timers.ts';
import { timersFrom } from '../processors/profile/site-timers.ts';
import { newRedaction } from '../processors/redact.ts';
import { jsonText, terminalText } from '../reports/clean-text.ts';
import { renderReport } from '../reports/html.ts';
import { exampleSessionIds, type Summary, SummaryBuilder } from '../reports/summary.ts';
import { renderTerminal } from '../reports/terminal.ts';
import { clockChoices, momentOption, repeated } from './clock-options.ts';
import { progressDisplay } from './progress.ts';
import { type AnalysisResult, runAnalysis, type SourceReport } from './run-analysis.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';
import { version } from './version.ts';

export interface AnalyzeOptions {
  readonly out: string;
  readonly store?: string;
  readonly tz?: readonly string[];
  readonly year?: string;
  readonly since?: string;
  readonly until?: string;
  readonly configFrom?: readonly string[];
  readonly keepEvents?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function registerAnalyze(program: Command): void {
  program
    .command('analyze')
    .description(
      'the main job: read logs, join them into sessions, name the causes, write profiles, incidents, the store and report.html',
    )
    .argument(
      '<path...>',
      'files, folders, globs, or - for standard input; plain, .gz or .zst; formats are recognised by content',
    )
    .option('--out <dir>', 'where to write', './imapwhy-out')
    .option('--store <file>', 'the store (default: DIR/imapwhy.db)')
    .option(
      '--tz <zone>',
      'zone of stamps that carry none: ZONE for all, or SOURCE=ZONE for sources whose name contains SOURCE',
      repeated,
    )
    .option('--year <yyyy>', 'year of stamps that carry none (default: from the logs themselves, else the file’s time)')
    .option('--since <time>', 'only sessions that begin at or after this time')
    .option('--until <time>', 'only sessions that begin before this time')
    .option(
      '--config-from <file...>',
      'the site’s own configuration (haproxy.cfg, nginx.conf, doveconf -n): its timers replace the documented defaults',
    )
    .option('--keep-events', 'write the events of all sessions, not only of those that went wrong')
    .option('--json', 'print the summary as JSON')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nExamples:\n  imapwhy analyze /var/log/mail.log* /var/log/haproxy.log\n  imapwhy analyze --tz Europe/Warsaw --tz openvpn=UTC /var/log/mail.log /var/log/openvpn/\n  journalctl -o json -u dovecot | imapwhy analyze -',
    )
    .action(async (paths: string[], options: AnalyzeOptions) => {
      process.exitCode = await analyze(paths, options);
    });
}

/** Exit code 0: done; 1: nothing could be read, or an output failed. Wrong use throws a UseError. */
export async function analyze(paths: readonly string[], options: AnalyzeOptions): Promise<number> {
  const startedAt = new Date();
  const clock = clockChoices(options.tz ?? [], options.year, startedAt.getTime());
  const since =
    options.since === undefined ? Number.NEGATIVE_INFINITY : momentOption('--since', options.since, clock.zone);
  const until =
    options.until === undefined ? Number.POSITIVE_INFINITY : momentOption('--until', options.until, clock.zone);
  const timers = await siteTimers(options.configFrom ?? []);
  const redaction = newRedaction(await siteKey());
  await mkdir(options.out, { recursive: true });
  const store = openStore(options.store ?? join(options.out, 'imapwhy.db'));
  const files = await openNdjson(options.out);
  const summary = new SummaryBuilder();
  const progress = progressDisplay(process.stderr, options.quiet === true || options.json === true);
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  let result: AnalysisResult;
  try {
    result = await runAnalysis({
      paths,
      clock,
      model: SHIPPED_MODEL,
      timers,
      redaction,
      since,
      until,
      keepEvents: options.keepEvents === true,
      signal: interrupt.signal,
      onProgress: (p) => progress.show(p),
      onBatch: async (batch) => {
        for (const p of batch.profiles) summary.add(p);
        for (const i of batch.incidents) summary.addIncident(i);
        await store.write(batch);
        await files.write(batch);
      },
    });
    store.recordRun({
      startedAt: startedAt.toISOString(),
      inputs: paths,
      zone: clock.zoneName,
      engine: `${version} weights ${SHIPPED_MODEL.epoch}`,
    });
    await files.close();
  } finally {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
    progress.done();
  }
  for (const problem of result.problems)
    process.stderr.write(`imapwhy: ${terminalText(problem.path)} ${terminalText(problem.message)}\n`);
  for (const s of result.sources) summary.addIngest(ingestCounts(s));
  const built = summary.build();
  const reportPath = join(options.out, 'report.html');
  await writeReport(reportPath, built, store);
  await store.close();
  if (options.json) process.stdout.write(`${jsonText(built)}\n`);
  else {
    const colour = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
    process.stdout.write(renderTerminal(built, { colour, reportPath }));
  }
  if (result.interrupted) {
    process.stderr.write('imapwhy: interrupted: what was read until then is written and consistent.\n');
    return 130;
  }
  const lines = result.sources.reduce((n, s) => n + s.lines, 0);
  if (lines === 0) {
    process.stderr.write(
      'imapwhy: no log lines were found in what was given. Name files or folders with logs; see imapwhy analyze --help.\n',
    );
    return 1;
  }
  // What the user named and could not be read is a failure; what a folder happened to hold is not.
  return result.problems.some((p) => p.code !== 'duplicate' && paths.includes(p.path)) ? 1 : 0;
}

async function siteTimers(paths: readonly string[]): Promise<readonly KnownTimer[]> {
  if (paths.length === 0) return DEFAULT_TIMERS;
  const own: KnownTimer[] = [];
  for (const path of paths) {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      throw new UseError(
        `--config-from ${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`,
        { cause },
      );
    }
    own.push(...timersFrom(text, path));
  }
  const replaced = new Set(own.map((t) => t.daemon));
  return [...own, ...DEFAULT_TIMERS.filter((t) => !replaced.has(t.daemon) || t.setting.startsWith('fixed'))];
}

async function writeReport(path: string, summary: Summary, store: Store): Promise<void> {
  const incidents: Incident[] = [...store.incidents()];
  const examples = exampleSessionIds(summary).flatMap((id) => {
    const profile = store.profile(id);
    return profile ? [{ profile, events: store.eventsOf(id) }] : [];
  });
  const temporary = `${path}.partial-${process.pid}`;
  await writeFile(temporary, renderReport(summary, incidents, examples));
  await rename(temporary, path);
}

function ingestCounts(s: SourceReport): Parameters<SummaryBuilder['addIngest']>[0] {
  const { clock, zone, log } = s.source;
  return {
    source: log.source.name,
    formats: s.formats,
    lines: s.lines,
    parsed: s.parsed,
    unparsed: s.unparsed,
    templates: s.templates,
    first: s.first === undefined ? null : new Date(s.first).toISOString(),
    last: s.last === undefined ? null : new Date(s.last).toISOString(),
    zone: s.zoned
      ? null
      : {
          name: zone.name,
          assumed: (clock?.confidence ?? 0) === 0,
          basis: clock?.basis ?? 'nothing to compare it with',
        },
    clock:
      clock && clock.shiftMs !== 0
        ? { shift_ms: Math.round(clock.shiftMs), confidence: clock.confidence, basis: clock.basis }
        : null,
    problems: s.problems.map((p) => p.message),
  };
}
