/**
 * `npm run bench:nab -- NABDIR`: the anomaly detector on the Numenta Anomaly Benchmark, shipped settings, kind value, one threshold for all files.
 * NABDIR is a checkout of https://github.com/numenta/NAB. First it checks our scorer: at the stored thresholds, the published scores of the detectors in
 * NABDIR/results have to come out. Then it runs and scores ours.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseNumber, parseTime } from '../cli/csv-metric.ts';
import { Detector } from '../models/anomaly/detector.ts';
import { NAB_PROFILES, type NabFile, NabScores, type NabWindow } from './nab-score.ts';

const FOLDS = 5;
const AGREES_TO = 1e-6;

interface Series {
  readonly path: string; // below data/
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly windows: readonly NabWindow[];
}

const [folder] = process.argv.slice(2);
if (folder === undefined || !existsSync(join(folder, 'labels', 'combined_windows.json'))) {
  process.stderr.write(
    'npm run bench:nab -- NABDIR: NABDIR is a checkout of https://github.com/numenta/NAB (data/, labels/, results/, config/).\n',
  );
  process.exit(2);
}
const corpus = readCorpus(folder);
checkScorer(folder, corpus);
runDetector(corpus);

function readCorpus(root: string): readonly Series[] {
  const labels = objectOf(readJson(join(root, 'labels', 'combined_windows.json')));
  return [...labels]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, windows]) => {
      const columns = readColumns(join(root, 'data', path), ['timestamp', 'value']);
      const times = (columns[0] ?? []).map(parseTime);
      return {
        path,
        times,
        values: (columns[1] ?? []).map(parseNumber),
        windows: listOf(windows).map((w) => rowsOf(w, times, path)),
      };
    });
}

/** A window's two times are those of rows. */
function rowsOf(window: unknown, times: readonly number[], path: string): NabWindow {
  const [from = -1, to = -1] = listOf(window).map((text) => times.indexOf(parseTime(String(text))));
  if (from < 0 || to < 0)
    throw new Error(`${path}: a window in labels/combined_windows.json begins or ends at no row.`);
  return { from, to };
}

/** Every published detector, at the threshold stored beside its result. */
function checkScorer(root: string, series: readonly Series[]): void {
  const published = objectOf(readJson(join(root, 'results', 'final_results.json')));
  const stored = objectOf(readJson(join(root, 'config', 'thresholds.json')));
  let checked = 0;
  let agree = 0;
  for (const [detector, finals] of published) {
    const results = join(root, 'results', detector);
    if (!existsSync(results)) continue;
    const scores = new NabScores(series.map((s) => ({ windows: s.windows, scores: readScores(results, s) })));
    for (const profile of NAB_PROFILES) {
      const expected = Number(objectOf(finals).get(profile.name));
      const threshold = Number(objectOf(objectOf(stored.get(detector)).get(profile.name)).get('threshold'));
      const { score } = scores.score(profile, threshold);
      checked++;
      if (Math.abs(score - expected) <= AGREES_TO) agree++;
      else console.log(`${detector} ${profile.name}: published ${expected}, ours ${score}`);
    }
  }
  console.log(`scorer: ${agree} of ${checked} published scores come out, to ${AGREES_TO}`);
  if (agree < checked) process.exitCode = 1;
}

function runDetector(series: readonly Series[]): void {
  const before = process.cpuUsage();
  const files = series.map(scored);
  const { user, system } = process.cpuUsage(before);
  const rows = files.reduce((sum, f) => sum + f.scores.length, 0);
  const scores = new NabScores(files);
  console.log('\nours, shipped settings, span learned from the stream');
  for (const profile of NAB_PROFILES) {
    const r = scores.score(profile);
    console.log(
      `${profile.name.padEnd(20)} ${r.score.toFixed(2)}  ${FOLDS}-fold threshold ${scores.crossValidated(profile, FOLDS).toFixed(2)}  ` +
        `(threshold ${r.threshold.toFixed(3)}, ${r.windowsFound} windows found, ${r.falseAlarmRows} false-alarm rows)`,
    );
  }
  const [standard] = NAB_PROFILES;
  console.log(`standard at 0.5      ${scores.score(standard, 0.5).score.toFixed(2)}`);
  console.log(`${(rows / (user + system)).toFixed(2)} M points/s of CPU, ${rows} points`);
}

function scored(series: Series): NabFile {
  const detector = new Detector('value');
  const scores = Float64Array.from(series.values, (value, i) =>
    // As the command prints it.
    Number(detector.observe(series.times[i] ?? 0, value).toFixed(6)),
  );
  return { windows: series.windows, scores };
}

/** NAB names a result DETECTOR_FILE.csv. */
function readScores(results: string, series: Series): Float64Array {
  const inside = join(results, dirname(series.path));
  const name = readdirSync(inside).find((file) => file.endsWith(`_${basename(series.path)}`));
  if (name === undefined) throw new Error(`${inside} has no result for ${series.path}.`);
  const [scores = []] = readColumns(join(inside, name), ['anomaly_score']);
  if (scores.length !== series.values.length)
    throw new Error(`${join(inside, name)} has ${scores.length} rows for ${series.values.length}.`);
  return Float64Array.from(scores, Number);
}

function readColumns(file: string, names: readonly string[]): readonly (readonly string[])[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').split(/\r?\n/);
  const header = head.split(',').map((cell) => cell.trim());
  const rows = lines.filter((line) => line !== '').map((line) => line.split(','));
  return names.map((name) => {
    const column = header.indexOf(name);
    if (column < 0) throw new Error(`${file} has no column ${name}.`);
    return rows.map((cells) => cells[column] ?? '');
  });
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function objectOf(json: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof json === 'object' && json !== null ? Object.entries(json) : []);
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}
