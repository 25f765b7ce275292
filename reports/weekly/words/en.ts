import { DateTime } from 'luxon';
import {
  causeMeaning,
  causeTitle,
  durationText,
  ownerText,
  plural,
  rateText,
  scopeText,
  shareText,
  wholeNumber,
} from '../../wording.ts';
import type { Change, Verdict } from '../change.ts';
import { LOST_MAX_MS } from '../lost-time.ts';
import type { ErrorBudget, RootCause, WafRow, WeeklyReport } from '../weekly-report.ts';
import type { Words } from './words.ts';

/** Keeps dates and figures in one line of a table. */
const NO_BREAK = '\u00a0';

const amount = (n: number): string =>
  n >= 20 || Number.isInteger(n) ? wholeNumber(n) : String(Number(n.toPrecision(2)));
const failureRate = (rate: number): string => `${Number((rate * 100).toPrecision(2))} %`;
function minutes(n: number): string {
  const whole = Math.round(n);
  if (whole < 1) return n === 0 ? '0 min' : 'under a minute';
  if (whole < 120) return `${whole} min`;
  return whole % 60 === 0
    ? `${wholeNumber(whole / 60)} h`
    : `${wholeNumber(Math.floor(whole / 60))} h ${whole % 60} min`;
}
const moment = (iso: string): string =>
  DateTime.fromISO(iso, { setZone: true, locale: 'en' }).toFormat('ccc d LLL, HH:mm').replaceAll(' ', NO_BREAK);
const day = (date: string): string =>
  DateTime.fromISO(date, { zone: 'utc', locale: 'en' }).toFormat('ccc d LLL').replaceAll(' ', NO_BREAK);
const objective = (budget: ErrorBudget): string => rateText(budget.objective);
const users = (c: RootCause): string => `${c.users.at_least ? 'over ' : ''}${plural(c.users.count, 'user')}`;
const title = (c: { readonly label: RootCause['label']; readonly scope: string | null }): string =>
  `${causeTitle(c.label)}${c.scope === null ? '' : ` (${scopeText(c.scope)})`}`;

function budgetShare(budget: ErrorBudget): string {
  if (budget.share === null) return '–';
  return budget.share >= 2 ? `${amount(budget.share)} times the budget` : `${shareText(budget.share)} used`;
}

function changeSentence(change: Change, against: string): string {
  const { before, now, verdict } = change;
  if (verdict === 'too_little' || before.rate === null || now.rate === null)
    return `Against ${against}: too little to compare (at least three days with attempts are needed on each side).`;
  const figures = `${failureRate(now.rate)} of attempts, ${failureRate(before.rate)} before`;
  switch (verdict) {
    case 'up':
      return `Against ${against}: more failures (${figures}), and more than chance explains.`;
    case 'down':
      return `Against ${against}: fewer failures (${figures}), and more than chance explains.`;
    case 'none':
      return `Against ${against}: no failures then and none now.`;
    case 'unclear':
      return `Against ${against}: no clear change (${figures}); failures come in bursts, and chance alone can do that.`;
    default:
      return verdict satisfies never;
  }
}

function moved(report: WeeklyReport, verdict: Verdict, what: string): readonly string[] {
  const rows = report.causes.filter((row) => row.last_week.verdict === verdict).slice(0, 3);
  if (rows.length === 0) return [];
  const each = rows.map(
    (r) =>
      `${causeTitle(r.label)} (${wholeNumber(r.last_week.before.failed)}${NO_BREAK}→${NO_BREAK}${wholeNumber(r.failed)})`,
  );
  return [`${what}: ${each.join('; ')}.`];
}

const AGAINST = { last_week: 'last week', four_weeks: 'the four weeks before', before: 'the time before' } as const;

export const ENGLISH: Words = {
  language: 'en',
  htmlLanguage: 'en',
  number: wholeNumber,
  amount,
  share: shareText,
  rate: rateText,
  failureRate,
  duration: durationText,
  minutes,
  day,
  chartDay: day,
  weekday: (date) => DateTime.fromISO(date, { zone: 'utc', locale: 'en' }).toFormat('ccc'),
  moment,
  week: (name) => `week ${Number(name.slice(-2))} of ${name.slice(0, 4)}`,
  layers: { network: 'network', server: 'server', client: 'client', security: 'security', unexplained: 'unexplained' },
  owner: ownerText,
  causeTitle,
  causeMeaning,
  scope: scopeText,
  evidence: (_, text) => text,
  remedy: (_, remedy) => remedy.summary,
  missing: (source) => source,
  level: (level) => level,
  change: (c, weeks = 1) => {
    if (c.verdict === 'too_little') return 'too little data';
    if (c.verdict === 'none') return 'none either time';
    const figures = `${amount(c.before.failed / weeks)}${NO_BREAK}→${NO_BREAK}${wholeNumber(c.now.failed)}`;
    const sign = c.verdict === 'up' ? '▲ more' : c.verdict === 'down' ? '▼ fewer' : 'no clear change';
    return `${sign} (${figures})`;
  },
  status: (c) => {
    const over = c.over_since === null ? '' : ` Silent since ${moment(c.over_since)}.`;
    switch (c.status) {
      case 'new':
        return `New: not seen in the four weeks before.${over}`;
      case 'recurring':
        return `Recurring: ${plural(c.failed_last_week, 'failure')} last week.${over}`;
      case 'returned':
        return `Returned: seen in the last four weeks, but not last week.${over}`;
      case 'first_report':
        return `No earlier week to compare with.${over}`;
      default:
        return c.status satisfies never;
    }
  },
  titles: {
    report: 'Why IMAP connections failed',
    gaps: 'What this report could not see',
    figures: 'The service in figures',
    beforeAfter: 'Before and after',
    changes: 'What changed',
    top: 'The five causes that cost the most',
    gone: 'Gone since last week',
    causes: 'Causes by layer and owner',
    waf: 'False positives of the WAF',
    predictions: 'Predictions and how they came out',
    sources: 'Sources',
    reading: 'How to read this report',
  },
  columns: {
    week: 'Week',
    attempts: 'Attempts',
    failed: 'Failed',
    failureRate: 'Failure rate',
    interval: '95 % interval',
    objective: 'Allowed',
    day: 'Day',
    cause: 'Cause',
    layer: 'Layer',
    owner: 'Owner',
    share: 'Share of failures',
    lost: 'Lost time',
    users: 'Users',
    lastWeek: 'Against last week',
    fourWeeks: 'Against four weeks',
    rule: 'Rule',
    path: 'Path',
    target: 'Matched',
    blocked: 'Blocked',
    sessions: 'Sessions lost',
    probability: 'False positive',
    decision: 'Decision',
    said: 'Said',
    happened: 'Failed',
    source: 'Source',
    lines: 'Lines',
    from: 'From',
    to: 'To',
    hours: 'Hours with lines',
    silent: 'Silent',
    enable: 'How to get it',
    before: 'Before',
    after: 'After',
    change: 'Change',
  },
  period: ({ week }) => {
    const start = DateTime.fromISO(week.start, { setZone: true, locale: 'en' });
    const end = DateTime.fromISO(week.end, { setZone: true, locale: 'en' }).minus({ milliseconds: 1 });
    const odd = week.hours === 168 ? '' : `, ${week.hours} hours because the clock was changed`;
    return `${start.toFormat('d LLL')} to ${end.toFormat('d LLL yyyy')}, time zone ${week.zone}${odd}`;
  },
  engine: (engine) => `Judged by imapwhy ${engine}.`,
  hiddenNames:
    'Users and addresses are replaced by names that only this site can tell apart; lines of logs are left out.',
  footer: 'Made by imapwhy from log files. This page is complete in itself: it loads nothing and sends nothing.',
  headline: (a) => {
    if (a.rate === null) return 'No attempt of a legitimate user was seen this week.';
    if (a.failed === 0) return `A good week: all ${plural(a.attempts, 'attempt')} succeeded.`;
    const rate = `${rateText(a.rate)} of ${plural(a.attempts, 'attempt')} succeeded`;
    return a.rate >= a.budget.objective
      ? `${rate}: the objective of ${objective(a.budget)} was met.`
      : `${rate}; the objective is ${objective(a.budget)}.`;
  },
  summary: (r) => {
    const { availability: a, top } = r;
    if (a.rate === null || a.failed === 0) return [];
    const [first] = top;
    return [
      ...(first === undefined
        ? []
        : [
            `What cost the most: ${title(first)}. ${plural(first.failed, 'failure')}, ${minutes(first.lost_minutes)} lost by ${users(first)}. Owner: ${ownerText(first.owner)}.`,
          ]),
      changeSentence(r.changes.last_week, AGAINST.last_week),
      ...moved(r, 'up', 'More often than last week, beyond chance'),
      ...moved(r, 'down', 'Less often than last week, beyond chance'),
      ...(a.unexplained > 0
        ? [`${plural(a.unexplained, 'failure')} (${shareText(a.unexplained / a.failed)}) could not be explained.`]
        : []),
    ];
  },
  outside: ({ outside }) => {
    const parts = [
      ...(outside.attacks > 0 ? [plural(outside.attacks, 'attack or scan', 'attacks and scans')] : []),
      ...(outside.wrong_passwords > 0 ? [plural(outside.wrong_passwords, 'wrong password')] : []),
      ...(outside.undetermined > 0 ? [`${plural(outside.undetermined, 'attempt')} without a known end`] : []),
      ...(outside.health_checks > 0 ? [plural(outside.health_checks, 'health check')] : []),
      ...(outside.known_scanners > 0 ? [`${plural(outside.known_scanners, 'attempt')} of known scanners`] : []),
    ];
    return parts.length === 0
      ? null
      : `Counted apart, because they say nothing about the service: ${parts.join(', ')}.`;
  },
  gaps: (g, hours) => {
    if (g.data_start === null || g.data_end === null) return ['The store holds nothing of this week.'];
    const range = `${moment(g.data_start)} to ${moment(g.data_end)}`;
    return [
      ...(g.hours_covered < hours - 1
        ? [
            `The data cover ${g.hours_covered} of the ${hours} hours of the week (${range}). All figures are about these.`,
          ]
        : []),
      ...g.silent.map((s) => `Nothing was recorded from ${moment(s.from)} to ${moment(s.to)} (${s.hours} h).`),
      ...(g.coverage_known
        ? []
        : [
            'This store does not say which log covered which hours, so silence is read off the attempts alone. Analyse the logs again to have it.',
          ]),
      ...g.missing
        .slice(0, 3)
        .map((m) => `${plural(m.sessions, 'failed attempt')} lacked a source that could have told more: ${m.source}.`),
      ...(g.incomplete > 0
        ? [`${plural(g.incomplete, 'session was', 'sessions were')} judged by a part of their lines only.`]
        : []),
      ...(g.unparsed > 0 ? [`${plural(g.unparsed, 'line')} of ${wholeNumber(g.lines)} could not be understood.`] : []),
    ];
  },
  noGaps: 'Nothing is missing: every known source wrote all week.',
  silence: (s) => `${moment(s.from)} to ${moment(s.to)} (${s.hours} h)`,
  silent: (s) =>
    `${s.source} wrote nothing ${s.silent.map((x) => `from ${moment(x.from)} to ${moment(x.to)} (${x.hours} h)`).join(', ')}, though other sources did.`,
  vanished: (s) => `${s.source} wrote in the weeks before and not at all in this one.`,
  cards: {
    availability: 'Availability',
    budget: 'Error budget of the week',
    fourWeeks: 'Error budget of four weeks',
    lost: 'Lost session time',
    setup: 'Mean session set-up',
    tls: 'TLS handshake',
    notMeasurable: 'not measurable',
    availabilityNote: (a) =>
      `${wholeNumber(a.failed)} of ${plural(a.attempts, 'attempt')} failed; objective ${objective(a.budget)}.${
        a.interval === null ? '' : ` 95 % interval ${rateText(a.interval.low)} to ${rateText(a.interval.high)}.`
      }`,
    budgetValue: (b) => budgetShare(b),
    budgetNote: (b) =>
      `${plural(b.used, 'failure')}, ${amount(b.allowed)} allowed.${
        b.attempts > 0 && b.allowed < 1 ? ' With so few attempts a single failure is over the objective.' : ''
      }`,
    fourWeeksNote: (b, weeks) =>
      `${plural(b.used, 'failure')}, ${amount(b.allowed)} allowed, in ${plural(weeks, 'week')} with data up to this one.`,
    lostNote: (a) =>
      a.failed === 0
        ? 'Nobody had to wait.'
        : `From a failed attempt until the same user tried again, at most ${LOST_MAX_MS / 60_000} min each.`,
    setupLimits: 'normal up to 4.2 s, warning above 5.5 s, alarm above 8 s',
    tlsLimits: 'normal up to 1.8 s, warning above 2.5 s, alarm above 4 s',
    measured: (n, p95) =>
      `${p95 === null ? '' : `95 % within ${durationText(p95)}; `}${plural(n, 'session')} measured.`,
    setupAbsent: 'No log of this week shows from when to when a login took.',
    tlsAbsent: 'Stamps of whole seconds cannot show it.',
  },
  changeSentence: (change, against) => changeSentence(change, AGAINST[against]),
  changesNote:
    'Failures come in bursts, so a day counts as one observation, and a change of a cause is called one only if chance would show it in fewer than one of twenty reports like this.',
  weeksChart: {
    title: 'Failure rate by week',
    unit: (allowed) =>
      `per cent of attempts; upright lines: 95 % interval; dashed: what the objective allows, ${failureRate(allowed)}`,
  },
  daysChart: { title: 'Failed attempts by day and layer', unit: 'number of attempts; – stands for a day without any' },
  causesCaption: 'Causes of this week and the last: failures, and whether they changed beyond chance',
  causesNone: 'No attempt of a legitimate user failed.',
  layersCaption: 'By layer',
  ownersCaption: 'By owner',
  weeksCaption: 'The weeks that are compared',
  topNone: 'No cause cost anything this week.',
  topSentence: (c) =>
    `${causeMeaning(c.label)} ${plural(c.failed, 'failed attempt')} of ${users(c)} in ${plural(c.networks.count, 'network')}.${
      c.mostly === null ? '' : ` Most of them (${wholeNumber(c.mostly.failed)}) are of one user, ${c.mostly.user}.`
    }`,
  topFacts: {
    cost: 'Cost',
    why: 'Why we think so',
    todo: 'What to do',
    status: 'Since the last report',
    owner: 'Owner',
    when: 'When',
    look: 'Look at one',
  },
  cost: (c) =>
    `${minutes(c.lost_minutes)} of session time, ${plural(c.failed, 'failed attempt')} (${shareText(c.share)} of all failures)`,
  when: (c) =>
    `${moment(c.first)} to ${moment(c.last)}, on ${plural(c.days, 'day')}${c.incidents > 0 ? `, ${plural(c.incidents, 'incident')}` : ''}; ${shareText(c.probability)} sure on average`,
  documentation: 'Documentation',
  gone: (c) =>
    c.fixed
      ? `Fixed: ${title(c)}. ${plural(c.failed_last_week, 'failure')} last week, none this week, which chance would hardly do.`
      : `Not seen again: ${title(c)}. ${plural(c.failed_last_week, 'failure')} last week; too few days to call it fixed.`,
  wafNone: (basis) =>
    basis === 'review'
      ? 'No request of a legitimate user was blocked by mistake.'
      : 'No session was lost to the web application firewall.',
  wafSentence: (open, decided, basis) =>
    basis === 'review'
      ? `${plural(open, 'rule and path is', 'rules and paths are')} open, ${wholeNumber(decided)} decided. Decide: imapwhy waf review.`
      : `${plural(open, 'rule and path', 'rules and paths')} cost sessions; none has been reviewed: imapwhy waf review.`,
  wafForEveryone: (row) =>
    `Rule ${row.rule} is wrong for everyone${row.path === null ? '' : ` on ${row.path}`}: ${wholeNumber(row.wrong_for_everyone?.logins_before ?? 0)} logins before it came, ${wholeNumber(row.wrong_for_everyone?.logins_after ?? 0)} in the same time after.`,
  wafOpen: 'Open: the rule, not the user, is probably wrong',
  wafDecided: 'Decided',
  decision: (row: WafRow) => {
    const { decision: d } = row;
    if (d === null) return 'open';
    const verdict = { false_positive: 'false positive', attack: 'true attack', unsure: 'unsure' }[d.verdict];
    const until = d.expires === null ? '' : `, ${d.expired ? 'expired' : 'until'} ${d.expires.slice(0, 10)}`;
    return `${verdict}, ${d.by}, ${d.at.slice(0, 10)}${until}`;
  },
  noPredictions: 'No model was in use: train one with imapwhy train, and analyse with --model.',
  predictions: (p) => [
    `Before each of ${plural(p.attempts, 'attempt')} a risk was stated; together they let expect ${amount(p.expected)} failures, and there were ${wholeNumber(p.failed)}.`,
    p.warned === 0
      ? 'No attempt was called more likely to fail than not.'
      : `${plural(p.warned, 'attempt was', 'attempts were')} called more likely to fail than not: ${wholeNumber(p.warned_failed)} of them did (${shareText(p.warned_failed / p.warned)}), and ${wholeNumber(p.failed - p.warned_failed)} failures came without such a warning.`,
    p.brier < p.brier_of_rate
      ? `The risks told more than the week's failure rate alone would have (Brier ${p.brier.toFixed(4)} against ${p.brier_of_rate.toFixed(4)}).`
      : `The risks told no more than the week's failure rate alone would have (Brier ${p.brier.toFixed(4)} against ${p.brier_of_rate.toFixed(4)}).`,
    ...(p.without_basis > 0
      ? [
          `${plural(p.without_basis, 'attempt')} began before anything was known and got the base rate; they are not in these figures.`,
        ]
      : []),
  ],
  calibration: {
    title: 'Said and happened',
    x: 'risk that was said, per cent',
    y: 'that failed, per cent',
    caption: 'On the dashed line what was said is what happened; larger dots stand for more attempts',
  },
  beforeAfter: (b) => [
    `The ${durationText(b.hours * 3_600_000)} before ${moment(b.moment)} against as much time after it.`,
    changeSentence(b.change, 'the time before'),
    ...(b.same_time_of_day
      ? []
      : ['The two sides are not the same time of day, which can make a difference by itself.']),
  ],
  beforeAfterCaption: 'Failures before and after, and whether they changed beyond chance',
  sourcesNone: 'The store does not say which sources were read.',
  sourcesCaption: (more) => `Sources of the week${more > 0 ? `; ${wholeNumber(more)} more are not listed` : ''}`,
  missingCaption: 'Sources that failed attempts lacked',
  reading: [
    'An attempt is one try of one client to use IMAP. Availability counts those of legitimate users whose end is known. Attacks, scans, health checks and wrong passwords are outside; failures without a cause are inside, named unexplained.',
    `Lost session time runs from the moment an attempt stalled until the same user tried again, at most ${LOST_MAX_MS / 60_000} minutes, and no minute is counted twice. Who did not come as far as naming a user is counted by address.`,
    'The error budget is what the objective allows: at 99.95 % five attempts of ten thousand.',
    'A change is called one only when it is more than chance explains; a day counts as one observation, because one incident fails hundreds of attempts together. A week that is not over is compared with the same days of the others.',
  ],
  figuresOfChart: 'The figures of this chart',
};
