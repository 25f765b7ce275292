import type { Phase } from '../../processors/profile/profile.ts';
import { html, type Markup, NOTHING } from '../markup.ts';
import { durationText } from '../wording.ts';
import { round } from './time-axis.ts';

/** The phases of one session on its own clock. Phases that the logs cannot measure are named, and not drawn. */
export function phasesBar(phases: readonly Phase[], layer: string): Markup {
  if (phases.length === 0) return NOTHING;
  const spans = phases.map((p) => ({
    phase: p,
    fromMs: Date.parse(p.start),
    toMs: Date.parse(p.start) + (p.duration_ms ?? 0),
  }));
  const startMs = Math.min(...spans.map((s) => s.fromMs));
  const lengthMs = Math.max(...spans.map((s) => s.toMs)) - startMs;
  if (!Number.isFinite(lengthMs)) return NOTHING;
  const measured = spans.filter((s) => s.phase.duration_ms !== null);
  const position = (ms: number) => (lengthMs <= 0 ? 0 : round(((ms - startMs) / lengthMs) * 100));
  return html`${
    lengthMs <= 0 || measured.length === 0
      ? NOTHING
      : html`<ul class="phases">${measured.map(({ phase, fromMs, toMs }) => {
          const from = position(fromMs);
          const width = Math.max(0.5, round(position(toMs) - from));
          return html`<li><span>${phase.name} <span class="number">${durationText(phase.duration_ms ?? 0)}</span>${phase.outcome === 'failed' ? ', failed' : ''}</span><svg aria-hidden="true"><rect class="fill-track" y="5.5" width="100%" height="1"/><rect class="fill-${phase.outcome === 'failed' ? layer : 'attempts'}" x="${Math.min(from, 99.5)}%" width="${width}%" height="12" rx="2"/></svg></li>`;
        })}</ul>`
  }${unmeasured(phases)}`;
}

function unmeasured(phases: readonly Phase[]): Markup {
  const names = phases.filter((p) => p.duration_ms === null).map((p) => `${p.name} (${p.outcome})`);
  return names.length === 0
    ? NOTHING
    : html`<p class="small muted">Seen, but not measurable from these logs: ${names.join(', ')}.</p>`;
}
