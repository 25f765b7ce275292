import { SUCCESS_LIMITS } from '../../../processors/profile/limits.ts';
import type { Indicator, Level } from '../../indicators.ts';
import type { Block, Card, Section } from '../page.ts';
import type { ErrorBudget, WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

/** The answer in plain words. */
export function headlineSection(report: WeeklyReport, words: Words): Section {
  const outside = words.outside(report.availability);
  return {
    id: 'answer',
    title: '',
    blocks: [
      { kind: 'headline', text: words.headline(report.availability) },
      ...words.summary(report).map((text): Block => ({ kind: 'paragraph', text, tone: 'lead' })),
      ...(outside === null ? [] : [{ kind: 'paragraph' as const, text: outside, tone: 'muted' as const }]),
    ],
  };
}

export function figuresSection(report: WeeklyReport, words: Words): Section {
  const { availability: a, four_weeks, indicators } = report;
  const { cards } = words;
  return {
    id: 'figures',
    title: words.titles.figures,
    blocks: [
      {
        kind: 'cards',
        cards: [
          {
            name: cards.availability,
            value: a.rate === null ? '–' : words.rate(a.rate),
            level: a.level === 'unknown' ? null : { name: words.level(a.level), of: a.level },
            notes: [cards.availabilityNote(a)],
          },
          budgetCard(cards.budget, a.budget, cards.budgetNote(a.budget), words),
          budgetCard(
            cards.fourWeeks,
            four_weeks.budget,
            cards.fourWeeksNote(four_weeks.budget, four_weeks.weeks),
            words,
          ),
          { name: cards.lost, value: words.minutes(a.lost_minutes), level: null, notes: [cards.lostNote(a)] },
          timeCard(cards.setup, indicators.setup_time, cards.setupAbsent, cards.setupLimits, words),
          timeCard(cards.tls, indicators.tls_time, cards.tlsAbsent, cards.tlsLimits, words),
        ],
      },
    ],
  };
}

/** Used up is a warning; used up many times over is an alarm: beyond 40 times lies a success rate below 98 %, the alarm of the rate itself. */
function levelOf(share: number): Level {
  if (share <= 1) return 'normal';
  return share > (1 - SUCCESS_LIMITS.alarm) / (1 - SUCCESS_LIMITS.normal) ? 'alarm' : 'warning';
}

function budgetCard(name: string, budget: ErrorBudget, note: string, words: Words): Card {
  const level = budget.share === null ? null : levelOf(budget.share);
  return {
    name,
    value: words.cards.budgetValue(budget),
    level: level === null ? null : { name: words.level(level), of: level },
    notes: [note],
  };
}

function timeCard(name: string, indicator: Indicator, absent: string, limits: string, words: Words): Card {
  const { value, level, precision_ms } = indicator;
  if (value === null) return { name, value: words.cards.notMeasurable, level: null, notes: [absent, limits] };
  const precision = (precision_ms ?? 0) >= 100 ? ` ± ${words.duration(precision_ms ?? 0)}` : '';
  return {
    name,
    value: `${words.duration(value)}${precision}`,
    level: level === 'unknown' ? null : { name: words.level(level), of: level },
    notes: [words.cards.measured(indicator.sessions, indicator.p95_ms), limits],
  };
}
