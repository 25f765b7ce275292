import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAnalysis } from '../../cli/run-analysis.ts';
import { judge } from '../../models/cause/judge.ts';
import { type CauseScore, scoreCauses } from '../../models/cause/score.ts';
import { SHIPPED_MODEL } from '../../models/cause/shipped-model.ts';
import { findable, matchTruth, parseTruth } from '../../models/cause/truth.ts';
import type { ClosedSession } from '../../processors/correlate/correlate.ts';
import { buildProfile } from '../../processors/profile/build-profile.ts';
import { DEFAULT_TIMERS } from '../../processors/profile/known-timers.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { newRedaction } from '../../processors/redact.ts';
import { parseZone, UTC } from '../../processors/time.ts';
import { type LabCorpus, writeLogs } from './lab-corpus.ts';
import type { Variation } from './vary.ts';

/** What the product answers about a corpus. */
export interface Answers {
  readonly profiles: readonly Profile[];
  /** By number of the truth's session. */
  readonly byTruth: ReadonlyMap<number, Profile>;
  readonly score: CauseScore;
}

/** Writes the varied corpus to a temporary folder, analyses it as `evaluate causes` does, and takes the folder away. */
export async function answersFor(c: LabCorpus, variation: Variation): Promise<Answers> {
  const varied = variation.change(c);
  const directory = mkdtempSync(join(tmpdir(), 'imapwhy-variation-'));
  try {
    writeLogs(directory, varied.files, variation.write?.(varied));
    return answer(varied, await analyse(join(directory, 'logs'), variation));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function analyse(logs: string, variation: Variation): Promise<readonly ClosedSession[]> {
  const closed: ClosedSession[] = [];
  await runAnalysis({
    paths: [logs],
    clock: {
      zone: parseZone(variation.zone ?? 'UTC') ?? UTC,
      zoneBySource: [],
      near: undefined,
      now: Date.UTC(2026, 11, 1),
    },
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    redaction: newRedaction('metamorphic'),
    since: Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    keepEvents: false,
    without: new Set(variation.without ?? []),
    onBatch: () => Promise.resolve(),
    onClosed: (sessions) => {
      closed.push(...sessions);
    },
  });
  return closed;
}

const NO_FACTS = { eventId: (source: number, offset: number) => `${source}-${offset}`, clock: () => undefined };

function answer(c: LabCorpus, closed: readonly ClosedSession[]): Answers {
  const profiles = closed.map((session) => {
    const judgement = judge(session, SHIPPED_MODEL, DEFAULT_TIMERS);
    return buildProfile(session, judgement.outcome, judgement.cause, NO_FACTS, SHIPPED_MODEL.epoch);
  });
  const truth = c.truth.map((t) => parseTruth(JSON.stringify(t)));
  const found = matchTruth(truth, profiles.map(findable));
  const byTruth = new Map(
    [...found].flatMap(([session, index]) => {
      const profile = profiles[index];
      return profile ? [[session, profile] as const] : [];
    }),
  );
  const score = scoreCauses(truth, (t) => {
    const profile = byTruth.get(t.session);
    return profile && { ...profile.imapwhy.cause, outcome: profile.imapwhy.outcome };
  });
  return { profiles, byTruth, score };
}

export interface Comparison {
  /** Of the sessions matched in the untouched corpus, the share matched in the variation. */
  readonly matched: number;
  /** Of the sessions matched in both, the share with the same label. */
  readonly same: number;
  /** Of the sessions matched in both that went wrong by the untouched answers, the share with the same label. */
  readonly sameAccused: number;
  /** Most frequent changes, `from -> to: n`. */
  readonly changes: readonly string[];
}

export function compare(untouched: Answers, varied: Answers): Comparison {
  let both = 0;
  let same = 0;
  let accused = 0;
  let accusedSame = 0;
  const changes = new Map<string, number>();
  for (const [session, was] of untouched.byTruth) {
    const is = varied.byTruth.get(session);
    if (!is) continue;
    both++;
    const from = was.imapwhy.cause.label;
    const to = is.imapwhy.cause.label;
    if (from === to) same++;
    else changes.set(`${from} -> ${to}`, (changes.get(`${from} -> ${to}`) ?? 0) + 1);
    if (from === 'none') continue;
    accused++;
    if (from === to) accusedSame++;
  }
  return {
    matched: both / Math.max(1, untouched.byTruth.size),
    same: same / Math.max(1, both),
    sameAccused: accusedSame / Math.max(1, accused),
    changes: [...changes].sort((a, b) => b[1] - a[1]).map(([change, n]) => `${change}: ${n}`),
  };
}
