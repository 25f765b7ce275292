import { answerOf, failingCauses, peakOf, spanText } from '../answer.ts';
import type { Indicator } from '../indicators.ts';
import { levelMark } from '../level-mark.ts';
import { html, type Markup, NOTHING } from '../markup.ts';
import type { CauseRow, Summary } from '../summary-document.ts';
import {
  causeTitle,
  durationText,
  momentIn,
  ownerText,
  plural,
  rateText,
  shareText,
  wholeNumber,
  whom,
} from '../wording.ts';
import { layerClass } from './incidents.ts';

const CAUSES_IN_WORDS = 4;

/** The answer in words: what failed, why, since when, for whom, whose job. */
export function headlineSection(summary: Summary): Markup {
  const moment = momentIn(summary.period);
  const answer = answerOf(summary, moment);
  const causes = failingCauses(summary).slice(0, CAUSES_IN_WORDS);
  const { attacks, wrong_passwords, undetermined, health_checks, known_scanners } = summary.counts;
  const outside = [
    attacks > 0 ? plural(attacks, 'attack or scan', 'attacks and scans') : '',
    wrong_passwords > 0 ? plural(wrong_passwords, 'wrong password') : '',
    undetermined > 0 ? `${plural(undetermined, 'attempt')} without a known end` : '',
    health_checks > 0 ? plural(health_checks, 'health check') : '',
    known_scanners > 0 ? `${plural(known_scanners, 'attempt')} of known scanners` : '',
  ].filter((part) => part !== '');
  return html`<section class="answer" aria-labelledby="answer"><h2 id="answer" class="headline">${answer.headline}</h2>
${answer.sentences.map((sentence) => html`<p class="lead">${sentence}</p>`)}
${
  causes.length > 1
    ? html`<table class="stack" role="table"><caption>The causes that cost the most; times in UTC</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Why</th><th role="columnheader" scope="col" class="number">Failed</th><th role="columnheader" scope="col">Since when</th><th role="columnheader" scope="col">For whom</th><th role="columnheader" scope="col">Whose job</th></tr></thead>
${causes.map((row) => causeInWords(row, moment))}</table>`
    : NOTHING
}
${outside.length > 0 && summary.counts.attempts > 0 ? html`<p class="small muted">Counted apart, because they say nothing about the service: ${outside.join(', ')}.</p>` : NOTHING}
</section>`;
}

function causeInWords(row: CauseRow, moment: (iso: string | null) => string): Markup {
  return html`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row"><span class="ink-${layerClass(row.layer)}" aria-hidden="true">■</span> ${causeTitle(row.label)}</th><td role="cell" class="number" data-label="failed">${wholeNumber(row.failed)} <span class="muted">${shareText(row.share)}</span></td><td role="cell" data-label="since">${spanText(row, moment)}${peakMarkup(row, moment)}</td><td role="cell" data-label="for"><bdi>${whom(row)}</bdi></td><td role="cell" class="owner" data-label="job of">${ownerText(row.owner)}</td></tr></tbody>`;
}

function peakMarkup(row: CauseRow, moment: (iso: string | null) => string): Markup {
  const peak = peakOf(row);
  return peak === undefined
    ? NOTHING
    : html`<div class="small muted">90 % of it ${moment(peak.start)} to ${moment(peak.end)}</div>`;
}

/** The three indicators with their levels. */
export function indicatorsSection(summary: Summary): Markup {
  const { success_rate, setup_time, tls_time } = summary.indicators;
  return html`<section aria-labelledby="indicators"><h2 id="indicators">Three indicators</h2>
<ul class="cards">
${indicatorCard('Connection success rate', success_rate, success_rate.value === null ? null : rateText(success_rate.value), 'normal from 99.95 %, warning below 99.5 %, alarm below 98 %', success_rate.sessions === 0 ? 'no attempts of legitimate users' : `of ${plural(success_rate.sessions, 'attempt')} by legitimate users`)}
${indicatorCard('Mean session set-up time', setup_time, timeValue(setup_time), 'normal up to 4.2 s, warning above 5.5 s, alarm above 8 s', timeBasis(setup_time, 'No log shows from when to when a login took, to the second. HAProxy’s TCP log or flow records beside the mail log show it.'))}
${indicatorCard('TLS handshake', tls_time, timeValue(tls_time), 'normal up to 1.8 s, warning above 2.5 s, alarm above 4 s', timeBasis(tls_time, 'Stamps of whole seconds cannot show it. HAProxy’s handshake timer (%Th) or Dovecot’s event export do.'))}
</ul></section>`;
}

function timeValue(indicator: Indicator): string | null {
  if (indicator.value === null) return null;
  const precision = indicator.precision_ms ?? 0;
  return precision >= 100
    ? `${durationText(indicator.value)} ± ${durationText(precision)}`
    : durationText(indicator.value);
}

function timeBasis(indicator: Indicator, absent: string): string {
  if (indicator.value === null) return absent;
  const p95 = indicator.p95_ms === null ? '' : `95 % within ${durationText(indicator.p95_ms)}; `;
  const doubt = indicator.certain ? '' : ' The stamps are too coarse to be sure of the level.';
  return `${p95}${plural(indicator.sessions, 'session')} measured.${doubt}`;
}

function indicatorCard(
  name: string,
  indicator: Indicator,
  value: string | null,
  limits: string,
  basis: string,
): Markup {
  return html`<li class="card"><h3>${name}</h3>
<div class="value${value === null ? ' none' : ''}">${value ?? 'not measurable'}</div>
${indicator.level === 'unknown' ? NOTHING : html`<div class="level level-${indicator.level}">${levelMark(indicator.level)}${indicator.level}</div>`}
<p>${basis}</p><p>${limits}</p></li>`;
}
