import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { Forecast } from '../models/prediction/forecast.ts';
import type { Likely } from '../models/prediction/outlook.ts';
import { sharedTexts } from '../outputs/document-text.ts';
import { openNdjson } from '../outputs/ndjson.ts';
import type { OutputBatch } from '../outputs/output.ts';
import { messageOf, OutputError, systemCode } from '../outputs/output-error.ts';
import { openStore, type Store } from '../outputs/sqlite.ts';
import { DEFAULT_CORRELATE_OPTIONS } from '../processors/correlate/options.ts';
import { sessionId } from '../processors/profile/build-profile.ts';
import { latestStatements, type Statement, withFeedback } from '../processors/profile/feedback.ts';
import type { Incident } from '../processors/profile/incident.ts';
import { isoTime } from '../processors/profile/iso-time.ts';
import { DEFAULT_TIMERS, type KnownTimer } from '../processors/profile/known-timers.ts';
import { timersFrom } from '../processors/profile/site-timers.ts';
import { newRedaction } from '../processors/redact.ts';
import { NOTHING_KNOWN } from '../processors/resolve/known-addresses.ts';
import { jsonText, terminalText } from '../reports/clean-text.ts';
import { renderReport } from '../reports/html.ts';
import { driftAdvice } from '../reports/prediction/drift.ts';
import { likelyText } from '../reports/prediction/likely.ts';
import { exampleSessionIds, type Summary, SummaryBuilder } from '../reports/summary.ts';
import { renderTerminal } from '../reports/terminal.ts';
import { clockChoices, momentOption, repeated } from './clock-options.ts';
import { DEFAULT_STORE } from './explain.ts';
import { readWeights } from './fit.ts';
import { loadModel } from './model-directory.ts';
import { progressDisplay } from './progress.ts';
import { type AnalysisResult, runAnalysis, type SourceReport } from './run-analysis.ts';
import { readSiteFile } from './site-file.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';
import { version } from './version.ts';

const DONE = 0;
const FAILED = 1;
const INTERRUPTED = 130;
const LIKELY_SHOWN = 10;

export interface AnalyzeOptions {
  readonly out: string;
  readonly store?: string;
  readonly tz?: readonly string[];
  readonly year?: string;
  readonly since?: string;
  readonly until?: string;
  readonly configFrom?: readonly string[];
  readonly site?: string;
  readonly keepEvents?: boolean;
  readonly model?: string;
  readonly weights?: string;
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
      '[path...]',
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
    .option(
      '--site <file>',
      'YAML that says what logs cannot show: own_networks, trusted_proxies, known_scanners, monitors (docs/site-file.md)',
    )
    .option('--model <dir>', 'a model that train wrote: each profile gets the risk that was known before it began')
    .option('--weights <file>', 'weights of the causes that fit causes wrote, in place of the shipped ones')
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
  if (paths.length === 0) throw new UseError(nothingToRead(options));
  const startedAt = new Date();
  const clock = clockChoices(options.tz ?? [], options.year, startedAt.getTime());
  const since =
    options.since === undefined ? Number.NEGATIVE_INFINITY : momentOption('--since', options.since, clock.zone);
  const until =
    options.until === undefined ? Number.POSITIVE_INFINITY : momentOption('--until', options.until, clock.zone);
  if (until <= since)
    throw new UseError(`--until ${options.until} is not after --since ${options.since}: nothing lies between.`);
  const known = options.site === undefined ? NOTHING_KNOWN : readSiteFile(options.site);
  const timers = await siteTimers(options.configFrom ?? []);
  const model = options.model === undefined ? undefined : await loadModel(options.model);
  const causes = options.weights === undefined ? SHIPPED_MODEL : await readWeights(options.weights);
  const redaction = newRedaction(await siteKey());
  const files = await openNdjson(options.out);
  let store: Store | undefined;
  const forecast = model && new Forecast(model, { listMs: undefined, since: '0' });
  const progress = progressDisplay(process.stderr, options.quiet === true || options.json === true);
  const interrupt = new AbortController();
  const onInterrupt = (): void => {
    interrupt.abort();
    if (paths.includes('-')) process.stdin.destroy(); // else a pipe that stays silent would be waited for
  };
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  try {
    const storePath = options.store ?? join(options.out, 'imapwhy.db');
    const open = openStore(storePath);
    store = open;
    const said = latestStatements(open.statements());
    const summary = new SummaryBuilder(known);
    // Late lines revise answers: a session is counted once, by its first answer, an incident by its last.
    const revised = new Set<string>();
    // Of this run only: the store may hold those of other logs too.
    const incidents = new Map<string, Incident>();
    const result = await runAnalysis({
      paths,
      clock,
      model: causes,
      timers,
      redaction,
      forecast,
      since,
      until,
      keepEvents: options.keepEvents === true,
      correlate: { ...DEFAULT_CORRELATE_OPTIONS, known },
      signal: interrupt.signal,
      onProgress: (p) => progress.show(p),
      onClosed: (closed) => {
        for (const c of closed) if (c.revised) revised.add(sessionId(c.session));
      },
      onBatch: async (batch) => {
        for (const p of batch.profiles)
          if (!revised.has(p.imapwhy.session.id)) summary.add(withFeedback(p, said.get(p.imapwhy.session.id)));
        for (const i of batch.incidents) {
          incidents.set(i.imapwhy.incident.id, i);
        }
        for (const f of batch.findings ?? []) summary.addFinding(f);
        const textOf = sharedTexts();
        await open.write(batch, textOf);
        await files.write(withStatements(batch, said), textOf);
      },
    });
    progress.done();
    for (const s of result.sources) summary.addIngest(ingestCounts(s));
    for (const i of incidents.values()) summary.addIncident(i);
    const built = summary.build();
    const lines = result.sources.reduce((n, s) => n + s.lines, 0);
    const reportPath = join(options.out, 'report.html');
    // A run that read nothing (a slip of the pen, most likely) leaves the files of the run before it.
    if (lines > 0) {
      open.recordRun({
        startedAt: startedAt.toISOString(),
        inputs: paths,
        zone: clock.zoneName,
        engine: `${version} weights ${causes.epoch}`,
      });
      open.recordCoverage(result.sources.flatMap((s) => s.hours));
      await files.close();
      await writeReport(reportPath, built, [...incidents.values()].sort(byStart), open);
    }
    await open.close();
    tell(problemLines(result));
    const likely = forecast?.likely() ?? [];
    if (forecast && lines > 0) {
      await writeLikely(join(options.out, 'likely-to-fail.json'), forecast, likely);
      tell(forecastLines(forecast));
    }
    if (options.json) process.stdout.write(`${jsonText(built)}\n`);
    else if (lines > 0) {
      const isDefault = resolve(storePath) === resolve(DEFAULT_STORE);
      const where = { reportPath, storePath: isDefault ? undefined : storePath };
      process.stdout.write(renderTerminal(built, { colour: hasColour(process.stdout), ...where }));
      if (forecast) process.stdout.write(likelyText(likely, forecast.reached, LIKELY_SHOWN));
    }
    return conclude(result, paths, lines);
  } finally {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
    progress.done();
    // After success both have nothing left to do. What the store holds is whole: each batch is one transaction.
    await files.discard();
    await store?.close().catch(() => undefined);
  }
}

/** The store keeps what the model said; who reads the files is told what people said too. */
function withStatements(batch: OutputBatch, said: ReadonlyMap<string, Statement>): OutputBatch {
  return said.size === 0
    ? batch
    : { ...batch, profiles: batch.profiles.map((p) => withFeedback(p, said.get(p.imapwhy.session.id))) };
}

/** Says what must be said after the summary, and returns the exit code. */
function conclude(result: AnalysisResult, paths: readonly string[], lines: number): number {
  if (result.interrupted) {
    const state = lines > 0 ? ': what was read until then is written and consistent' : ' before anything was written';
    tell([`interrupted${state}. Run it again to read all.`]);
    return INTERRUPTED;
  }
  if (lines === 0) {
    tell([
      'no log lines were found in what was given, so nothing was written. Name files or folders with logs; see imapwhy analyze --help.',
    ]);
    return FAILED;
  }
  if (result.sources.every((s) => s.parsed === 0)) {
    tell(['not one line could be understood, so there is no answer. docs/formats/ lists what imapwhy reads.']);
    return FAILED;
  }
  // What the user named and could not be read is a failure; what a folder happened to hold, a copy and a file without lines are not.
  return result.problems.some((p) => p.code !== 'duplicate' && p.code !== 'empty' && paths.includes(p.path))
    ? FAILED
    : DONE;
}

function problemLines(result: AnalysisResult): readonly string[] {
  const unknown = result.sources.filter((s) => s.lines > 0 && s.parsed === 0);
  return [
    // Standard input that we closed ourselves is no problem of the input.
    ...result.problems
      .filter((p) => !(result.interrupted && p.path === '-' && p.code === 'read_failed'))
      .map((p) => `${p.path} ${p.message}`),
    ...unknown.map(
      (s) =>
        `${s.source.log.source.name} has no line of a format that imapwhy knows: its lines are kept in events.ndjson, tagged _parse_failure.`,
    ),
  ];
}

function tell(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
}

/** A document of its own, because it is about what has not happened yet. */
async function writeLikely(path: string, { reached }: Forecast, likely: readonly Likely[]): Promise<void> {
  const asOf = Number.isFinite(reached) ? isoTime(reached) : null;
  const document = { as_of: asOf, horizon_minutes: 15, likely };
  await writeFile(`${path}.partial`, `${JSON.stringify(document, null, 2)}\n`);
  await rename(`${path}.partial`, path);
}

function forecastLines(forecast: Forecast): readonly string[] {
  const advice = driftAdvice(forecast.weeks());
  const { cold } = forecast;
  return [
    ...(advice === undefined ? [] : [`prediction: ${advice}`]),
    ...(cold > 0
      ? [
          `prediction: ${cold} attempts began before anything was known, or were told of too late: their risk is the base rate.`,
        ]
      : []),
  ];
}

const hasColour = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';

function nothingToRead(options: AnalyzeOptions): string {
  return options.configFrom
    ? 'no logs were named: --config-from takes all paths that follow it, so name the logs first: imapwhy analyze mail.log --config-from haproxy.cfg'
    : 'no logs were named: give files, folders or - for standard input, such as imapwhy analyze /var/log/mail.log* /var/log/haproxy.log';
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

const byStart = (a: Incident, b: Incident): number =>
  Date.parse(a.event.start) - Date.parse(b.event.start) || (a.imapwhy.incident.id < b.imapwhy.incident.id ? -1 : 1);

async function writeReport(
  path: string,
  summary: Summary,
  incidents: readonly Incident[],
  store: Store,
): Promise<void> {
  const examples = exampleSessionIds(summary).flatMap((id) => {
    const profile = store.profile(id);
    return profile ? [{ profile, events: store.eventsOf(id) }] : [];
  });
  const temporary = `${path}.partial-${process.pid}`;
  try {
    await writeFile(temporary, renderReport(summary, incidents, examples));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT')
      throw new OutputError('OUTPUT_FULL', `${path}: the disk is full. Free some space and run it again.`, error);
    throw new OutputError('OUTPUT_FAILED', `${path}: cannot be written: ${messageOf(error)}`, error);
  }
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
