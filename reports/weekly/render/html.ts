import { levelMark } from '../../level-mark.ts';
import { cutText, field, html, logLine, Markup, NOTHING, outsideLink, styleHash } from '../../markup.ts';
import { STYLE } from '../../style.css.ts';
import type { Block, Card, Column, Inline, Page, Section, Table, Text } from '../page.ts';
import { chartMarkup } from './charts.ts';
import { WEEKLY_STYLE } from './style.css.ts';

const CELL_LENGTH_MAX = 200;
/** A table of so few rows is not spread over two printed pages. */
const SHORT_TABLE = 12;
const CSS = `${STYLE}${WEEKLY_STYLE}`;

/** One page that holds all it shows: it loads nothing, runs no script, and its policy forbids both. The same page gives the same bytes. */
export function weeklyHtml(page: Page): string {
  const policy = `default-src 'none'; style-src ${styleHash(CSS)}; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="${page.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${page.title}</title>
<style>${Markup.trusted(CSS)}</style>
</head>
<body class="weekly">
<header><h1>${page.title}</h1><p class="small muted">${page.period}</p></header>
<main id="main">
${weeklySections(page)}
</main>
<footer>${page.footer.map((line) => html`<p>${line}</p>`)}</footer>
</body>
</html>
`.toString();
}

/** All that it says, for a page that has its own frame. Its style is `WEEKLY_STYLE`, for elements below the class `weekly`. */
export function weeklySections(page: Page): Markup {
  const linked = page.sections.filter((s) => s.title !== '');
  return html`${page.sections.map((section, i) => html`${sectionMarkup(section, page)}${i === 1 ? navigation(linked) : NOTHING}`)}`;
}

function navigation(sections: readonly Section[]): Markup {
  return html`<nav><ul>${sections.map((s) => html`<li><a href="#${s.id}">${s.title}</a></li>`)}</ul></nav>
`;
}

function sectionMarkup(section: Section, page: Page): Markup {
  const blocks = grouped(section.blocks).map((group) => {
    const markup = group.map((block) => blockMarkup(block, page));
    return group[0]?.kind === 'heading' ? html`<div class="group">${markup}</div>` : markup;
  });
  if (section.title === '')
    return html`<section id="${section.id}">${blocks}</section>
`;
  return html`<section id="${section.id}" aria-labelledby="${section.id}-title"><h2 id="${section.id}-title">${section.title}</h2>
${blocks}</section>
`;
}

/** A heading and what stands under it stay on one printed page. */
function grouped(blocks: readonly Block[]): readonly (readonly Block[])[] {
  const groups: Block[][] = [];
  for (const block of blocks) {
    const last = groups.at(-1);
    if (last === undefined || block.kind === 'heading') groups.push([block]);
    else last.push(block);
  }
  return groups;
}

function blockMarkup(block: Block, page: Page): Markup {
  switch (block.kind) {
    case 'headline':
      return html`<p class="headline">${block.text}</p>
`;
    case 'heading':
      return html`<h3>${block.layer === undefined ? NOTHING : html`<span class="ink-${block.layer}" aria-hidden="true">■</span> `}${field(block.text)}</h3>
`;
    case 'paragraph':
      return html`<p${toneClass(block.tone)}>${inline(block.text)}</p>
`;
    case 'list':
      return html`<ul class="flow${block.tone === 'note' ? ' note' : ''}">${block.entries.map((entry) => html`<li>${inline(entry)}</li>`)}</ul>
`;
    case 'cards':
      return html`<ul class="cards">${block.cards.map(cardMarkup)}</ul>
`;
    case 'facts':
      return html`<dl class="facts">${block.facts.map(
        ({ name, text, line }) =>
          html`<dt>${name}</dt><dd>${inline(text)}${line === undefined || line === null ? NOTHING : logLine(line)}</dd>`,
      )}</dl>
`;
    case 'table':
      return tableMarkup(block.table);
    case 'chart':
      return html`<figure><figcaption>${block.chart.title} <small>${block.chart.unit}</small></figcaption>
${chartMarkup(block.chart)}
<details class="plain"><summary>${page.figuresOfChart}</summary>${tableMarkup(block.chart.table)}</details></figure>
`;
    default:
      return block satisfies never;
  }
}

function toneClass(tone: 'lead' | 'muted' | undefined): Markup {
  if (tone === undefined) return NOTHING;
  return tone === 'lead' ? html` class="lead"` : html` class="small muted"`;
}

function cardMarkup(card: Card): Markup {
  return html`<li class="card"><h3>${card.name}</h3><div class="value">${card.value}</div>
${card.level === null ? NOTHING : html`<div class="level level-${card.level.of}">${levelMark(card.level.of)}${card.level.name}</div>`}${card.notes.map((note) => html`<p>${note}</p>`)}</li>`;
}

/** On a narrow page each row becomes a block whose cells say what they are. */
function tableMarkup({ caption, columns, rows }: Table): Markup {
  return html`<table class="stack${rows.length <= SHORT_TABLE ? ' short' : ''}" role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map((c) => html`<th role="columnheader" scope="col"${kindClass(c)}>${c.title}</th>`)}</tr></thead>
${rows.map(
  (
    row,
  ) => html`<tbody role="rowgroup"><tr role="row">${row.map((cell, i) => cellMarkup(cell, columns[i], i === 0))}</tr></tbody>
`,
)}</table>
`;
}

function cellMarkup(cell: Text, column: Column | undefined, isFirst: boolean): Markup {
  if (isFirst) return html`<th role="rowheader" scope="row"${kindClass(column)}>${inline(cell)}</th>`;
  if (cell === '') return html`<td role="cell"></td>`;
  return html`<td role="cell"${kindClass(column)} data-label="${column?.title ?? ''}">${inline(cell)}</td>`;
}

function kindClass(column: Column | undefined): Markup {
  if (column?.isNumber) return html` class="number"`;
  return column?.isTime ? html` class="time"` : NOTHING;
}

function inline(text: Text): Markup {
  if (typeof text === 'string') return field(text, 1000);
  return html`${text.map(inlinePart)}`;
}

function inlinePart(part: Inline): Markup {
  if (typeof part === 'string') return field(part, 1000);
  switch (part.kind) {
    case 'strong':
      return html`<strong>${field(part.text)}</strong>`;
    case 'code':
      return html`<code class="inline" dir="ltr">${cutText(part.text, CELL_LENGTH_MAX)}</code>`;
    case 'muted':
      return html`<span class="code">${field(part.text)}</span>`;
    case 'link':
      return outsideLink(part.url, part.text);
    default:
      return part satisfies never;
  }
}
