import { compareText } from './counting/top-counter.ts';
import type { IngestCounts, IngestTotals, UnparsedTemplate } from './summary-document.ts';

const SOURCES_MAX = 200;
const TEMPLATES_MAX = 20;
const PROBLEMS_MAX = 100;

/** Sums what reading the sources gave; keeps the sources that a person has to look at. */
export class IngestTally {
  #total = 0;
  #lines = 0;
  #parsed = 0;
  #unparsed = 0;
  #sources: IngestCounts[] = [];
  #templates: (UnparsedTemplate & { readonly source: string })[] = [];
  readonly #problems: { readonly source: string; readonly text: string }[] = [];

  add(counts: IngestCounts): void {
    this.#total++;
    this.#lines += counts.lines;
    this.#parsed += counts.parsed;
    this.#unparsed += counts.unparsed;
    this.#sources.push(counts);
    for (const t of counts.templates) this.#templates.push({ ...t, source: counts.source });
    for (const text of counts.problems) {
      if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ source: counts.source, text });
    }
    if (this.#sources.length > 2 * SOURCES_MAX) this.#sources = this.#keptSources();
    if (this.#templates.length > 20 * TEMPLATES_MAX) this.#templates = this.#keptTemplates();
  }

  build(): IngestTotals {
    return {
      sources_total: this.#total,
      lines: this.#lines,
      parsed: this.#parsed,
      unparsed: this.#unparsed,
      sources: this.#keptSources(),
      templates: this.#keptTemplates(),
      problems: this.#problems,
    };
  }

  #keptSources(): IngestCounts[] {
    return [...this.#sources]
      .sort(
        (a, b) =>
          Number(b.problems.length > 0) - Number(a.problems.length > 0) ||
          b.lines - a.lines ||
          compareText(a.source, b.source),
      )
      .slice(0, SOURCES_MAX);
  }

  #keptTemplates(): (UnparsedTemplate & { readonly source: string })[] {
    return [...this.#templates]
      .sort((a, b) => b.lines - a.lines || compareText(a.template, b.template) || compareText(a.source, b.source))
      .slice(0, TEMPLATES_MAX);
  }
}
