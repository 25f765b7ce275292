import { choosePayloads, type Payload, payloadsOf } from '../../models/waf/attack-choice.ts';
import type { AttackTest } from '../../models/waf/attack-corpus.ts';
import { type ExclusionOptions, writeExclusions } from '../../models/waf/exclusion.ts';
import { type HttpMessage, plainMessage } from '../../models/waf/http-message.ts';
import { lookAlikes } from '../../models/waf/look-alike.ts';
import { whyNotProven } from '../../models/waf/not-proven.ts';
import { placeKey, samePlace } from '../../models/waf/place.ts';
import { pathOf, plant } from '../../models/waf/plant.ts';
import {
  type AttackRun,
  type FreedPlace,
  isBlockedBy,
  judgeElsewhere,
  judgePlaceRuns,
  type ProofHead,
  placeOfAttack,
  proofOf,
  type Replay,
  type ReplayKind,
  type Verdict,
  type WafProof,
} from '../../models/waf/proof.ts';
import { type Chosen, exclusionOf } from '../../models/waf/selection.ts';
import { type Engine, startEngine } from './engine.ts';
import type { EngineFiles, Exclusions } from './engine-files.ts';
import type { LoggedPlace, LoggedRequest } from './logged-requests.ts';

export interface ProofInput {
  readonly chosen: readonly Chosen[];
  /** By placeKey. */
  readonly logged: ReadonlyMap<string, LoggedPlace>;
  readonly originals: ReadonlyMap<string, HttpMessage>;
  readonly tests: readonly AttackTest[];
  readonly files: EngineFiles;
  readonly loadedRules: ReadonlySet<string>;
  readonly plantedMax: number;
  readonly lookAlikes: boolean;
  readonly write: ExclusionOptions;
  readonly head: Omit<ProofHead, 'before' | 'after' | 'left_out'>;
  readonly onStep: (done: number, of: number, what: string) => void;
}

/**
 * The proof: the same requests to an engine without and to one with the exclusions. Where the exclusion of a target does not reach a rule (the
 * target belongs to a later link of a chain, which has no id of its own), the rule is excluded on that path instead, and the proof says so.
 */
export async function runProof(input: ProofInput): Promise<WafProof> {
  const { files } = input;
  const { left_out } = writeExclusions(
    input.chosen.map((c) => exclusionOf(c, undefined)),
    input.write,
  );
  const chosen = input.chosen.filter((c) => !left_out.some((l) => samePlace(l.place, c.place)));
  const step = (n: number, what: string): void => input.onStep(n, 6, what);
  step(0, 'starting the engine');
  const baseline = await startEngine(files, { before: '', after: '' });
  try {
    step(1, 'logged requests, without the exclusions');
    const places: PlaceRequests[] = [];
    for (const c of chosen) places.push(await provable(baseline, c, input)); // an engine judges one list after the other
    step(2, 'logged requests, with the exclusions');
    const { scopes, verdicts, exclusions, engine } = await freeing(places, input);
    try {
      const freed: FreedPlace[] = chosen.map((c, i) => ({ place: c.place, scope: scopes[i]?.scope ?? c.scope }));
      const pair: Pair = { baseline, excluded: engine };
      const all = payloadsOf(input.tests);
      const planted: AttackRun[][] = [];
      const sent: number[] = [];
      const outside: AttackRun[] = [];
      let sentOutside = input.tests.length;
      for (const [i, p] of places.entries()) {
        step(3 + i / Math.max(1, places.length), `attacks in the freed places, ${i + 1} of ${places.length}`);
        const template = await templateOf(baseline, p);
        const payloads = choosePayloads(all, p.chosen.place.rule, input.plantedMax);
        const into = await plantAttacks(pair, template, payloads, (m, value) => plant(m, p.chosen.place.target, value));
        planted.push([...into.runs]);
        sent.push(into.sent);
        for (const beside of besides(p, freed[i]?.scope ?? p.chosen.scope)) {
          const more = await plantAttacks(pair, template, payloads, beside);
          outside.push(...more.runs);
          sentOutside += more.sent;
        }
      }
      step(4, `${input.tests.length} attacks elsewhere`);
      const tests = input.tests.map((t) => ({
        test: t.id,
        shown: `${t.message.method} ${t.message.uri}`,
        message: t.message,
      }));
      outside.push(...(await runAttacks(pair, tests)));
      const elsewhere = outside.filter((run) => {
        const place = run.excluded.blocked ? undefined : placeOfAttack(run, freed);
        if (place !== undefined) planted[freed.indexOf(place)]?.push(run);
        return place === undefined;
      });
      const proofs = places.map((p, i) =>
        judgePlaceRuns(
          {
            place: p.chosen.place,
            scope: freed[i]?.scope ?? p.chosen.scope,
            widened: scopes[i]?.widened ?? null,
            replays: p.requests.map((r, k) => replayOf(r, verdicts[i]?.[k])),
            setAside: p.setAside,
            planted: planted[i] ?? [],
            sent: sent[i] ?? 0,
          },
          freed,
        ),
      );
      step(6, 'done');
      return proofOf({ ...input.head, ...exclusions, left_out }, proofs, judgeElsewhere(elsewhere, sentOutside));
    } finally {
      await engine.stop();
    }
  } finally {
    await baseline.stop();
  }
}

/** A request that is blocked by its rule without the exclusions, or why there is none. */
interface Provable {
  readonly logged: LoggedRequest;
  readonly kind: ReplayKind | undefined;
  readonly message: HttpMessage | undefined;
  readonly reason: string;
}

interface PlaceRequests {
  readonly chosen: Chosen;
  readonly requests: readonly Provable[];
  readonly setAside: number;
}

/** Looks for each logged request for one that the engine blocks by the same rule: as logged, the original, a look-alike. */
async function provable(engine: Engine, chosen: Chosen, input: ProofInput): Promise<PlaceRequests> {
  const { place } = chosen;
  const { requests: logged, setAside } = input.logged.get(placeKey(place)) ?? { requests: [], setAside: 0 };
  const asLogged = await judgeSome(
    engine,
    logged.map((l) => l.message),
  );
  const originals = logged.map((l, i) =>
    isProof(asLogged[i], chosen) ? undefined : input.originals.get(l.request.id),
  );
  const ofOriginals = await judgeSome(engine, originals);
  const candidates = logged.map((l, i) =>
    !input.lookAlikes || isProof(asLogged[i], chosen) || isProof(ofOriginals[i], chosen) ? [] : looksOf(l, chosen),
  );
  const ofCandidates = await judgeLists(engine, candidates);
  const ruleIsLoaded = input.loadedRules.has(place.rule);
  const requests = logged.map((l, i): Provable => {
    if (isProof(asLogged[i], chosen)) return { logged: l, kind: 'logged', message: l.message, reason: '' };
    if (isProof(ofOriginals[i], chosen)) return { logged: l, kind: 'original', message: originals[i], reason: '' };
    const k = ofCandidates[i]?.findIndex((v) => isProof(v, chosen)) ?? -1;
    if (k >= 0) return { logged: l, kind: 'look-alike', message: candidates[i]?.[k], reason: '' };
    const reason = whyNotProven({
      place,
      ruleIsLoaded,
      message: l.message,
      verdict: asLogged[i],
      looksAlike: (candidates[i]?.length ?? 0) > 0,
    });
    return { logged: l, kind: undefined, message: undefined, reason };
  });
  return { chosen, requests, setAside };
}

const isProof = (v: Verdict | undefined, chosen: Chosen): boolean => v !== undefined && isBlockedBy(v, chosen.place);

function looksOf(l: LoggedRequest, { place }: Chosen): readonly HttpMessage[] {
  const base = l.message ?? plainMessage(l.request.method ?? 'GET', place.path || '/');
  return lookAlikes(l.match, l.request.id).flatMap((value) => plant(base, place.target, value) ?? []);
}

interface Scoped {
  readonly scope: Chosen['scope'];
  readonly widened: string | null;
}

interface Freeing {
  readonly scopes: readonly Scoped[];
  /** By place and request; undefined where nothing was proven. */
  readonly verdicts: readonly (readonly (Verdict | undefined)[])[];
  readonly exclusions: Exclusions;
  readonly engine: Engine;
}

const WIDENED =
  'the exclusion of the target does not reach the rule (a later link of a chain has no id), so the rule is excluded on this path';

/** Starts the engine with the exclusions, and once more with wider ones for rules that those of their targets do not reach. */
async function freeing(places: readonly PlaceRequests[], input: ProofInput): Promise<Freeing> {
  const narrow = places.map((p): Scoped => ({ scope: p.chosen.scope, widened: null }));
  const first = await freeWith(places, narrow, input);
  const scopes = narrow.map((s, i): Scoped => {
    const p = places[i];
    const stuck = s.scope === 'target' && p !== undefined && first.verdicts[i]?.some((v) => isProof(v, p.chosen));
    return stuck ? { scope: 'path', widened: WIDENED } : s;
  });
  if (scopes.every((s) => s.widened === null)) return first;
  await first.engine.stop();
  return freeWith(places, scopes, input);
}

async function freeWith(
  places: readonly PlaceRequests[],
  scopes: readonly Scoped[],
  input: ProofInput,
): Promise<Freeing> {
  const exclusions = writeExclusions(
    places.map((p, i) => ({
      ...exclusionOf(p.chosen, undefined),
      remarks: [],
      scope: scopes[i]?.scope ?? p.chosen.scope,
    })),
    input.write,
  );
  const engine = await startEngine(input.files, exclusions);
  try {
    const verdicts = await judgeLists(
      engine,
      places.map((p) => p.requests.map((r) => r.message)),
    );
    return { scopes, verdicts, exclusions: { before: exclusions.before, after: exclusions.after }, engine };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

const replayOf = (p: Provable, excluded: Verdict | undefined): Replay => ({
  request: p.logged.request.id,
  kind: p.kind,
  reason: p.reason,
  excluded,
});

interface Pair {
  readonly baseline: Engine;
  readonly excluded: Engine;
}

interface Attack {
  readonly test: string;
  readonly shown: string;
  readonly message: HttpMessage;
}

type Plant = (m: HttpMessage, value: string) => HttpMessage | undefined;

/**
 * A request of the place that nothing blocks without the exclusions: a proven one with a harmless value, else a plain one. So what is blocked with an attack
 * in it is blocked because of the attack.
 */
async function templateOf(baseline: Engine, p: PlaceRequests): Promise<HttpMessage> {
  const { place, row } = p.chosen;
  const plain = plainMessage(row?.methods[0] ?? 'GET', place.path || '/');
  const proven = p.requests.find((r) => r.message !== undefined)?.message;
  const neutral = proven === undefined ? undefined : plant(proven, place.target, HARMLESS);
  const [verdict] = await judgeSome(baseline, [neutral]);
  return neutral === undefined || verdict === undefined || verdict.blocked ? plain : neutral;
}

const HARMLESS = 'hello';

async function plantAttacks(pair: Pair, template: HttpMessage, payloads: readonly Payload[], into: Plant) {
  const attacks = payloads.flatMap(({ test, value }): Attack[] => {
    const message = into(template, value);
    return message === undefined ? [] : [{ test, shown: `${message.method} ${pathOf(message.uri)} ${value}`, message }];
  });
  return { runs: await runAttacks(pair, attacks), sent: attacks.length };
}

/** The same parameter on another path, and, where only a target is freed, another parameter on the same path: both must stay as they were. */
function besides(p: PlaceRequests, scope: Chosen['scope']): readonly Plant[] {
  const { target } = p.chosen.place;
  const onOtherPath: Plant = (m, value) => {
    const moved = { ...m, uri: m.uri.replace(/^[^?]*/, (path) => `${path.replace(/\/$/, '')}/imapwhy-elsewhere`) };
    return plant(moved, target, value);
  };
  const inOtherParameter: Plant = (m, value) => plant(m, 'ARGS:imapwhy_elsewhere', value);
  if (scope === 'target')
    return target.startsWith('QUERY_STRING') || target.startsWith('REQUEST_')
      ? [onOtherPath]
      : [onOtherPath, inOtherParameter];
  return scope === 'path' ? [onOtherPath] : [];
}

const SHOWN_MAX = 200;

/** Only what the engine blocks without the exclusions is sent to the other. */
async function runAttacks(pair: Pair, attacks: readonly Attack[]): Promise<readonly AttackRun[]> {
  const before = await pair.baseline.judge(attacks.map((a) => a.message));
  const blocked = attacks.flatMap((a, i) => {
    const baseline = before[i];
    return baseline?.blocked ? [{ ...a, baseline }] : [];
  });
  const after = await pair.excluded.judge(blocked.map((a) => a.message));
  return blocked.flatMap(({ test, shown, message, baseline }, i): AttackRun[] => {
    const excluded = after[i];
    return excluded === undefined
      ? []
      : [{ test, shown: shown.slice(0, SHOWN_MAX), path: pathOf(message.uri), baseline, excluded }];
  });
}

async function judgeSome(
  engine: Engine,
  messages: readonly (HttpMessage | undefined)[],
): Promise<readonly (Verdict | undefined)[]> {
  const [verdicts = []] = await judgeLists(engine, [messages]);
  return verdicts;
}

/** Judges lists of messages at once; what is undefined stays so. */
async function judgeLists(
  engine: Engine,
  lists: readonly (readonly (HttpMessage | undefined)[])[],
): Promise<readonly (readonly (Verdict | undefined)[])[]> {
  const answers = (await engine.judge(lists.flat().filter((m) => m !== undefined))).values();
  return lists.map((list) => list.map((m) => (m === undefined ? undefined : answers.next().value)));
}
