/** Clusters lines that no parser took by their shape, so that a person sees "12,408 lines like this". Bounded. */

export interface Template {
  readonly template: string;
  readonly lines: number;
  /** Position of the first such line. */
  readonly source: number;
  readonly offset: number;
}

const TEMPLATES_MAX = 500;
const LOOKED_AT = 240;

export class UnparsedTemplates {
  private readonly templates = new Map<string, { lines: number; readonly source: number; readonly offset: number }>();
  other = 0;

  add(message: string, source: number, offset: number): void {
    const template = templateOf(message);
    const known = this.templates.get(template);
    if (known) known.lines++;
    else if (this.templates.size < TEMPLATES_MAX) this.templates.set(template, { lines: 1, source, offset });
    else this.other++;
  }

  /** The most frequent first. */
  top(n: number): readonly Template[] {
    return [...this.templates]
      .map(([template, t]) => ({ template, lines: t.lines, source: t.source, offset: t.offset }))
      .sort((a, b) => b.lines - a.lines || (a.template < b.template ? -1 : 1))
      .slice(0, n);
  }
}

/** The line with what varies replaced: numbers by `#`, addresses and hexadecimal runs by `*`, quoted text by `"…"`. Linear. */
export function templateOf(message: string): string {
  return message
    .slice(0, LOOKED_AT)
    .replace(/"[^"]*"/g, '"…"')
    .replace(/<[^>]*>/g, '<…>')
    .replace(/[\w.+-]+@[\w.-]+/g, '*')
    .replace(/\b[0-9a-fA-F]*[0-9][0-9a-fA-F:.]*\b/g, '#')
    .replace(/(?:# ?){2,}/g, '# ');
}
