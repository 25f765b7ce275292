import { html, NOTHING } from '../../reports/markup.ts';
import { page, type View } from '../view.ts';

/** `problem`: why the last try did not work. `elsewhere`: another server can say who somebody is. */
export function signInPage(view: View, to: string, problem: string | undefined, elsewhere: boolean): string {
  const { words } = view;
  return page(
    view,
    words.signIn,
    undefined,
    html`<h1>${words.signIn}</h1>${problem === undefined ? NOTHING : html`<p class="problems" role="alert">${problem}</p>`}
${elsewhere ? html`<p><a class="button" href="/sign-in/elsewhere?to=${encodeURIComponent(to)}">${words.signInElsewhere}</a></p>` : NOTHING}
<form method="post" action="/sign-in" class="sign-in"><input type="hidden" name="to" value="${to}"><label>${words.userName} <input name="name" required maxlength="200" autocomplete="username"></label><label>${words.password} <input name="password" type="password" required maxlength="1000" autocomplete="current-password"></label><button>${words.signIn}</button></form>`,
  );
}

/** A page that says only that something is not there, not allowed or went wrong. */
export function messagePage(view: View, message: string): string {
  return page(view, message, undefined, html`<h1>${message}</h1>`);
}
