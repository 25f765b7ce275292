import { DateTime } from 'luxon';
import type { CauseLabel } from '../processors/profile/profile.ts';
import { html, type Markup, NOTHING } from '../reports/markup.ts';
import { CAUSES_ZH } from '../reports/weekly/words/zh-causes.ts';
import { labelTitle } from '../reports/wording.ts';
import { mayWrite, type Person } from './sign-in.ts';
import { EN, type Words } from './words/en.ts';
import { ZH } from './words/zh.ts';

export const LANGUAGES = { en: EN, zh: ZH } as const;
export type Language = keyof typeof LANGUAGES;

/** For whom a page is made. */
export interface View {
  readonly language: Language;
  readonly words: Words;
  readonly person: Person;
  /** Of all times, a name that luxon knows. */
  readonly zone: string;
  /** Path and query of the page, to come back to it. */
  readonly here: string;
  /** Pages that there are not: they need the embedded store. */
  readonly missing: readonly PageName[];
}

export type PageName = 'now' | 'search' | 'waf' | 'report' | 'audit';
const PAGES: readonly { readonly name: PageName; readonly path: string }[] = [
  { name: 'now', path: '/' },
  { name: 'search', path: '/search' },
  { name: 'waf', path: '/waf' },
  { name: 'report', path: '/report' },
  { name: 'audit', path: '/audit' },
];

/** A whole page. `current`: which of the pages in the menu it belongs to. */
export function page(view: View, title: string, current: PageName | undefined, body: Markup): string {
  const { words, person } = view;
  const pages = PAGES.filter(({ name: n }) => !view.missing.includes(n) && (n !== 'audit' || person.role === 'admin'));
  const menu = pages.map(
    ({ name, path }) =>
      html`<li><a href="${path}"${name === current ? html` aria-current="page"` : NOTHING}>${words[name]}</a></li>`,
  );
  const languages = Object.entries(LANGUAGES).map(
    ([code, { language }]) =>
      html`<li><a lang="${code}" hreflang="${code}" href="/language/${code}?to=${encodeURIComponent(view.here)}"${code === view.language ? html` aria-current="true"` : NOTHING}>${language}</a></li>`,
  );
  return html`<!doctype html>
<html lang="${view.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · imapwhy</title>
<link rel="stylesheet" href="/style.css">
<script type="module" src="/page.js"></script>
</head>
<body>
<a class="skip" href="#main">${words.skip}</a>
<header class="top"><p class="brand"><a href="/">imapwhy</a></p>
<nav aria-label="imapwhy"><ul>${menu}</ul></nav>
<ul class="aside">${languages}${person.name === null ? NOTHING : html`<li><form method="post" action="/sign-out"><span class="muted">${words.signedInAs(person.name)}</span> <button class="link">${words.signOut}</button></form></li>`}</ul></header>
<main id="main"${current === 'search' ? html` class="wide"` : NOTHING}>
${body}
</main>
<footer><p>${words.times(view.zone)}</p></footer>
</body>
</html>
`.toString();
}

/** An ISO time or epoch ms in the view's zone. */
export function timeIn(view: View, at: string | number, format = 'yyyy-MM-dd HH:mm:ss'): string {
  const time =
    typeof at === 'number' ? DateTime.fromMillis(at, { zone: view.zone }) : DateTime.fromISO(at, { zone: view.zone });
  return time.isValid ? time.toFormat(format) : String(at);
}

/** A moment as a `time` element, which says the exact instant to machines. */
export function timeMarkup(view: View, iso: string, format?: string): Markup {
  return html`<time datetime="${iso}" class="time">${timeIn(view, iso, format)}</time>`;
}

export function causeText({ language, words }: View, label: CauseLabel): string {
  if (label === 'none') return words.noFault;
  return language === 'zh' ? CAUSES_ZH[label].title : labelTitle(label);
}

export function ownerText({ words }: View, owner: string | null): string {
  return owner === null ? words.owners.nobody : wordFor(words.owners, owner);
}

export function outcomeText({ words }: View, outcome: string): string {
  return wordFor(words.outcomes, outcome);
}

/** The word for a key; a key that has none is its own. */
function wordFor(words: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(words, key) ? (words[key] ?? key) : key;
}

/** The field in which who is not signed in says a name. */
export function nameField(view: View): Markup {
  return view.person.name === null
    ? html`<label>${view.words.yourName} <input name="by" required maxlength="200" autocomplete="name"></label>`
    : NOTHING;
}

export const canWrite = (view: View): boolean => mayWrite(view.person);
