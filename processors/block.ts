import type { ParsedEvent } from './parse/index.ts';

/**
 * Whether an event is a WAF or rate-limit decision against somebody, or one that may be part of it: such events are always kept, because the false
 * positives among them are reviewed (docs/waf.md). An error log tells each matching rule in a line of its own, before the line that denies, so a
 * match counts too. A packet filter's lines do not: it drops the noise of the whole internet, and those of a session that failed are kept with it.
 */
export function isBlock(event: ParsedEvent): boolean {
  switch (event.dataset) {
    case 'modsecurity.audit':
    case 'modsecurity.error':
      return event.action === 'blocked' || event.rules.length > 0;
    case 'nginx.error':
      return (event.action === 'request-limited' || event.action === 'connection-limited') && !event.dryRun;
    case 'fail2ban.action':
      return event.action === 'banned' || event.action === 'unbanned';
    default:
      return false;
  }
}
