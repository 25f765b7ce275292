import { isEvaluationRule } from '../../processors/parse/modsecurity-sentence.ts';
import type { WafMatch, WafRequest } from './request.ts';

/** Whether a rule only sums up or reports what others found: 949110, 959100, 980130 and their like. It explains nothing, so it is never excluded. */
export function isSumRule(match: WafMatch): boolean {
  return isEvaluationRule({ id: match.rule, file: match.file ?? undefined }) || /^980\d{3}$/.test(match.rule);
}

/**
 * The matches that made a request be blocked: those that denied by themselves; else, of a score, those that add to it, which are the rules of CRS and those
 * of the site that are more than a notice. Each place once.
 */
export function countedMatches(request: WafRequest): readonly WafMatch[] {
  const own = request.matches.filter((m) => m.rule !== '' && !isSumRule(m));
  const denying = own.filter((m) => m.denies);
  return denying.length > 0 ? denying : own.filter((m) => isOfCrs(m) || !isNotice(m));
}

/** CRS has the numbers 900000 to 999999, or its tag. */
export function isOfCrs(match: Pick<WafMatch, 'rule' | 'tags'>): boolean {
  return /^9\d{5}$/.test(match.rule) || match.tags.includes('OWASP_CRS');
}

const isNotice = (m: WafMatch): boolean => m.severity !== null && ['NOTICE', 'INFO', 'DEBUG'].includes(m.severity);

/** The kind of attack that a rule looks for: the first three digits of a CRS rule (`942` is SQL injection), else the rule itself. */
export function familyOf(rule: string): string {
  return /^9\d{5}$/.test(rule) ? rule.slice(0, 3) : rule;
}

/** Rules that look for a payload, or for a scanner: 913 and 93x to 944. Protocol rules (911, 920, 921, 922) say little of what is wanted. */
export function looksForAttack(match: WafMatch): boolean {
  return /^9(?:13|3\d|4[0-4])\d{3}$/.test(match.rule);
}
