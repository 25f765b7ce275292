import type { SearchCounts } from '../../outputs/search.ts';
import { html, type Markup, NOTHING } from '../../reports/markup.ts';
import { timeIn, type View } from '../view.ts';

const HEIGHT = 64;

/** Sessions over time, the failed ones darker. With `link`, each bar is a link to its time (ISO 8601), so that narrowing needs no script. */
export function bars(
  view: View,
  { histogram, bucketMs }: SearchCounts,
  link?: (from: string, to: string) => string,
): Markup {
  const most = Math.max(0, ...histogram.map((b) => b.sessions));
  if (histogram.length < 2 || most === 0) return NOTHING;
  const { words } = view;
  const step = 100 / histogram.length;
  const format = bucketMs >= 86_400_000 ? 'yyyy-MM-dd' : 'MM-dd HH:mm:ss';
  const drawn = histogram.map((b, i) => {
    if (b.sessions === 0) return NOTHING;
    const height = (n: number): number => (n === 0 ? 0 : round(Math.max(2, (HEIGHT * n) / most)));
    const label = words.bar(timeIn(view, b.startMs, format), b.sessions, b.failed);
    const place = html`x="${round(i * step)}%" width="${round(step * 0.86)}%"`;
    const bar = html`<title>${label}</title><rect class="hit" x="${round(i * step)}%" width="${round(step)}%" height="${HEIGHT}"/><rect class="fill-attempts" ${place} y="${HEIGHT - height(b.sessions)}" height="${height(b.sessions)}"/><rect class="fill-failed" ${place} y="${HEIGHT - height(b.failed)}" height="${height(b.failed)}"/>`;
    const iso = (ms: number): string => new Date(ms).toISOString();
    return link
      ? html`<a href="${link(iso(b.startMs), iso(b.startMs + bucketMs))}" aria-label="${label}">${bar}</a>`
      : html`<g>${bar}</g>`;
  });
  return html`<figure class="bars-over-time">${link ? html`<figcaption class="small muted">${words.histogram}</figcaption>` : NOTHING}<svg class="chart" height="${HEIGHT}" role="${link ? 'group' : 'img'}" aria-label="${words.overTime}">${drawn}</svg><p class="ends small muted"><span>${timeIn(view, histogram[0]?.startMs ?? 0)}</span><span>${timeIn(view, (histogram.at(-1)?.startMs ?? 0) + bucketMs)}</span></p></figure>`;
}

const round = (n: number): number => Math.round(n * 100) / 100;
