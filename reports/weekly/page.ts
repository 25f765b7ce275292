/**
 * The report as a page of blocks, before it becomes HTML, Markdown or mail: what is said is decided once, and each form shows it in its way.
 * Texts are plain; some come from logs, and each renderer makes all of them safe.
 */
import type { Level } from '../indicators.ts';
import type { LayerName, Predictions, WeekRow } from './weekly-report.ts';

export type Inline =
  | string
  | { readonly kind: 'strong' | 'code' | 'muted'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly url: string };
export type Text = string | readonly Inline[];

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
  /** Moments, which stay in one line. */
  readonly isTime?: boolean;
}

export interface Card {
  readonly name: string;
  readonly value: string;
  readonly level: { readonly name: string; readonly of: Level } | null;
  readonly notes: readonly string[];
}

export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Text[])[];
}

/** A chart with its figures as a table, for forms that cannot draw and for readers who cannot see it. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly drawing:
    | { readonly kind: 'days'; readonly days: readonly DayBar[]; readonly layers: Readonly<Record<LayerName, string>> }
    | {
        readonly kind: 'weeks';
        readonly weeks: readonly WeekRow[];
        readonly allowed: number;
      }
    | { readonly kind: 'calibration'; readonly bins: Predictions['bins']; readonly x: string; readonly y: string };
  readonly table: Table;
}

export interface DayBar extends Readonly<Record<LayerName, number>> {
  readonly attempts: number;
  readonly label: string;
  /** For a narrow page: the day of the week. */
  readonly short: string;
}

export type Block =
  | { readonly kind: 'paragraph'; readonly text: Text; readonly tone?: 'lead' | 'muted' }
  | { readonly kind: 'headline'; readonly text: string }
  | { readonly kind: 'heading'; readonly text: string; readonly layer?: LayerName }
  | { readonly kind: 'list'; readonly entries: readonly Text[]; readonly tone?: 'note' }
  | { readonly kind: 'cards'; readonly cards: readonly Card[] }
  | {
      readonly kind: 'facts';
      readonly facts: readonly { readonly name: string; readonly text: Text; readonly line?: string | null }[];
    }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'chart'; readonly chart: Chart };

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Page {
  readonly language: string; // for html lang
  readonly title: string;
  readonly period: string;
  readonly sections: readonly Section[];
  readonly figuresOfChart: string;
  readonly footer: readonly string[];
}
