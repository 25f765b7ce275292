import { html, type Markup, NOTHING } from '../../reports/markup.ts';
import { weeklySections } from '../../reports/weekly/render/html.ts';
import { parseWeek, weekAt, weekBefore } from '../../reports/weekly/week.ts';
import { weeklyPage } from '../../reports/weekly/weekly-page.ts';
import type { WeeklyReport } from '../../reports/weekly/weekly-report.ts';
import { WORDS } from '../../reports/weekly/words/index.ts';
import { page, type View } from '../view.ts';

/** What was asked for, as typed. */
export interface ReportQuestion {
  readonly week: string;
  readonly moment: string;
}

/** The weekly report in the frame of the pages; or the sentence that says why there is none. */
export function reportPage(view: View, made: WeeklyReport | string, asked: ReportQuestion): string {
  const { words } = view;
  if (typeof made === 'string')
    return page(
      view,
      words.report,
      'report',
      html`<h1>${words.report}</h1>${chooser(view, asked)}<p class="note">${made}</p>`,
    );
  const content = weeklyPage(made, WORDS[view.language]);
  return page(
    view,
    content.title,
    'report',
    html`<h1>${content.title}</h1><p class="small muted">${content.period}</p>${chooser(view, { ...asked, week: made.week.name })}${neighbours(view, made)}
<div class="weekly">${weeklySections(content)}${content.footer.map((line) => html`<p class="small muted">${line}</p>`)}</div>`,
  );
}

function chooser(view: View, { week, moment }: ReportQuestion): Markup {
  const { words } = view;
  return html`<form method="get" action="/report" class="fields"><label>${words.week} <input name="week" value="${week}" placeholder="2026-W47" pattern="\\d{4}-?[Ww]\\d{2}" maxlength="10"></label> <label>${words.moment} <input name="moment" value="${moment}" placeholder="2026-11-24T09:00" maxlength="40"></label> <button>${words.show}</button></form>`;
}

function neighbours(view: View, { week }: WeeklyReport): Markup {
  const { words } = view;
  const own = parseWeek(week.name, week.zone);
  if (!own) return NOTHING;
  const link = (name: string, text: string): Markup => html`<li><a href="/report?week=${name}">${text}</a></li>`;
  return html`<ul class="tabs small">${link(weekBefore(own, 1).name, words.previousWeek)}${link(weekAt(own.endMs, week.zone).name, words.nextWeek)}</ul>`;
}
