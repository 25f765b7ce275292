import { html, type Markup } from '../markup.ts';

/** What the words and figures mean. */
export function howToReadSection(): Markup {
  return html`<dl class="facts">
<dt>Attempt</dt><dd>One try of one client to use IMAP: its token or portal requests and the connection that they served count once.</dd>
<dt>Success rate</dt><dd>Attempts of legitimate users that worked, of all whose end is known. Attacks, scans, health checks and wrong passwords are outside.</dd>
<dt>How sure</dt><dd>A probability, meant literally: of the sessions that say 80 %, four in five should be right. The evidence and its weights add up to it.</dd>
<dt>Unexplained</dt><dd>The attempt failed and no cause could be named. It is never counted as healthy.</dd>
<dt>Since, until</dt><dd>Start of the first and end of the last session with that cause. “Still” means it was seen until the logs end.</dd>
<dt>Set-up time</dt><dd>From the first sign of the connection to the end of login, of sessions that logged in; only where the stamps are fine enough.</dd>
<dt>Network</dt><dd>/24 for IPv4 and /64 for IPv6, of the real client address where VPN and proxy logs tell it.</dd>
<dt>Times</dt><dd>All in UTC, after correcting clocks that were found wrong.</dd>
<dt>Log lines</dt><dd>As written, with passwords, tokens and cookies replaced by fingerprints. Characters that would act on a screen are shown as escapes such as <code>\\x1b</code>.</dd>
</dl>`;
}
