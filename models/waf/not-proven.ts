import { isSecretVariable } from '../../processors/parse/modsecurity-match.ts';
import type { HttpMessage } from './http-message.ts';
import type { Place } from './place.ts';
import { rulesOf, type Verdict } from './proof.ts';

export interface Unproven {
  readonly place: Place;
  readonly ruleIsLoaded: boolean;
  readonly message: HttpMessage | undefined; // as logged
  readonly verdict: Verdict | undefined; // of it, without the exclusions
  readonly looksAlike: boolean; // look-alikes were tried too
}

/** Why a logged request could not be shown to be blocked by its rule. One sentence without names or values, so that equal reasons can be counted. */
export function whyNotProven(u: Unproven): string {
  if (!u.ruleIsLoaded)
    return `rule ${u.place.rule} is not among the rules that were loaded: give the file that has it with --rules`;
  const tried = u.looksAlike ? ', and no look-alike triggers the rule either' : '';
  if (u.message === undefined) return `the log does not hold the request${tried}`;
  if (needsBody(u.place.target, u.message) && u.message.body === '') return `the log does not hold the body${tried}`;
  if (isSecretVariable(u.place.target)) return `what the rule looked at is a secret that is not kept${tried}`;
  if (u.verdict === undefined) return 'the server refuses the request before any rule sees it';
  const others = rulesOf(u.verdict);
  if (u.verdict.blocked) return `sent again, other rules block it (${others.slice(0, 3).join(', ')})${tried}`;
  return `sent again as logged, nothing blocks it: the log cut or replaced what matched, or the rules differ${tried}`;
}

const needsBody = (target: string, m: HttpMessage): boolean =>
  m.method !== 'GET' &&
  m.method !== 'HEAD' &&
  /^(?:ARGS(?:_POST|_NAMES|_POST_NAMES)?|REQUEST_BODY|XML|FILES|MULTIPART)\b/.test(target);
