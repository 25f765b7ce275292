import { cutText, html, logLine, type Markup, NOTHING, outsideLink } from '../../markup.ts';
import type { Block, Inline, Page, Table, Text } from '../page.ts';

/**
 * The page for mail programs: they strip style sheets, variables and SVG, so every element carries its own style and charts are their tables.
 * Loads nothing: no picture that tells who has opened it.
 */
export function weeklyMail(page: Page): string {
  return html`<!doctype html>
<html lang="${page.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${page.title}</title></head>
<body style="${STYLES.body}"><div role="main" style="${STYLES.page}">
<h1 style="${STYLES.h1}">${page.title}</h1>
<p style="${STYLES.muted}">${page.period}</p>
${page.sections.map(
  (section) =>
    html`${section.title === '' ? NOTHING : html`<h2 style="${STYLES.h2}">${section.title}</h2>`}${section.blocks.map(blockMarkup)}
`,
)}
${page.footer.map((line) => html`<p style="${STYLES.muted}">${line}</p>`)}
</div></body></html>
`.toString();
}

const STYLES = {
  body: 'margin:0;padding:0;background:#ffffff;color:#1c2126;font:15px/1.5 Arial,"PingFang SC","Microsoft YaHei",sans-serif',
  page: 'max-width:680px;margin:0 auto;padding:16px',
  h1: 'font-size:14px;font-weight:normal;color:#5a646e;margin:0',
  muted: 'color:#5a646e;font-size:13px;margin:8px 0',
  headline: 'font-size:22px;line-height:1.3;font-weight:bold;margin:12px 0',
  lead: 'font-size:16px;margin:6px 0',
  text: 'margin:6px 0',
  h2: 'font-size:19px;margin:28px 0 6px',
  h3: 'font-size:16px;margin:20px 0 4px',
  list: 'margin:6px 0;padding-left:20px',
  table: 'border-collapse:collapse;width:100%;font-size:14px;margin:10px 0',
  caption: 'text-align:left;color:#5a646e;font-size:13px;padding-bottom:4px',
  head: 'text-align:left;font-weight:normal;color:#5a646e;font-size:13px;padding:4px 8px 4px 0;border-bottom:1px solid #dfe3e8',
  cell: 'text-align:left;font-weight:normal;vertical-align:top;padding:4px 8px 4px 0;border-bottom:1px solid #dfe3e8',
  number: ';text-align:right;white-space:nowrap',
  code: 'font:13px Consolas,Menlo,monospace;background:#f6f7f9;padding:1px 4px;overflow-wrap:anywhere',
  line: 'font:12px/1.4 Consolas,Menlo,monospace;color:#5a646e;overflow-wrap:anywhere',
} as const;

function blockMarkup(block: Block): Markup {
  switch (block.kind) {
    case 'headline':
      return html`<p style="${STYLES.headline}">${block.text}</p>`;
    case 'heading':
      return html`<h3 style="${STYLES.h3}">${block.text}</h3>`;
    case 'paragraph':
      return html`<p style="${block.tone === undefined ? STYLES.text : STYLES[block.tone]}">${inline(block.text)}</p>`;
    case 'list':
      return html`<ul style="${STYLES.list}">${block.entries.map((entry) => html`<li>${inline(entry)}</li>`)}</ul>`;
    case 'cards':
      return html`<table role="presentation" style="${STYLES.table}">${block.cards.map(
        (card) =>
          html`<tr><td style="${STYLES.cell}">${card.name}</td><td style="${STYLES.cell}"><strong>${card.value}</strong>${card.level === null ? NOTHING : html` (${card.level.name})`}<br><span style="${STYLES.muted}">${card.notes.join(' ')}</span></td></tr>`,
      )}</table>`;
    case 'facts':
      return html`<table role="presentation" style="${STYLES.table}">${block.facts.map(
        ({ name, text, line }) =>
          html`<tr><td style="${STYLES.cell};color:#5a646e;width:25%">${name}</td><td style="${STYLES.cell}">${inline(text)}${line === undefined || line === null ? NOTHING : html`<div style="${STYLES.line}">${logLine(line)}</div>`}</td></tr>`,
      )}</table>`;
    case 'table':
      return tableMarkup(block.table);
    case 'chart':
      return tableMarkup(block.chart.table);
    default:
      return block satisfies never;
  }
}

function tableMarkup({ caption, columns, rows }: Table): Markup {
  const style = (base: string, i: number): string => (columns[i]?.isNumber ? base + STYLES.number : base);
  return html`<div style="overflow-x:auto" tabindex="0" role="group" aria-label="${caption}"><table style="${STYLES.table}"><caption style="${STYLES.caption}">${caption}</caption>
<tr>${columns.map((c, i) => html`<th scope="col" style="${style(STYLES.head, i)}">${c.title}</th>`)}</tr>
${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td style="${style(STYLES.cell, i)}">${inline(cell)}</td>`)}</tr>`)}</table></div>`;
}

function inline(text: Text): Markup {
  return typeof text === 'string' ? html`${cutText(text, 1000)}` : html`${text.map(inlinePart)}`;
}

function inlinePart(part: Inline): Markup {
  if (typeof part === 'string') return html`${cutText(part, 1000)}`;
  switch (part.kind) {
    case 'strong':
      return html`<strong>${part.text}</strong>`;
    case 'code':
      return html`<code style="${STYLES.code}">${cutText(part.text, 300)}</code>`;
    case 'muted':
      return html`<span style="${STYLES.muted}">${part.text}</span>`;
    case 'link':
      return outsideLink(part.url, part.text);
    default:
      return part satisfies never;
  }
}
