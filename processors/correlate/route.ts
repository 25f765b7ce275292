import type { UnparsedEvent } from '../event.ts';
import type { DovecotAuthEvent, DovecotLoginEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import type { ParsedEvent } from '../parse/index.ts';
import type { NetfilterEvent } from '../parse/netfilter.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import type { TimedEvent } from './timed-event.ts';

/**
 * Two stages share the events. What tells of one connection goes to the sessions, which can be divided by the address that the server saw;
 * everything else (tunnels, web requests, bans, limits, other traffic) tells of the site, of which there is one.
 */
export type SessionEvent =
  | DovecotLoginEvent
  | DovecotSessionEvent
  | DovecotAuthEvent
  | HaproxyEvent
  | NetflowEvent
  | NetfilterEvent;

/** An event that tells of one connection. */
export type TimedSessionEvent = TimedEvent<SessionEvent>;

export type DovecotLineEvent = DovecotLoginEvent | DovecotSessionEvent | DovecotAuthEvent;

export type SiteEvent = Exclude<ParsedEvent, SessionEvent | UnparsedEvent> | NetflowEvent;

const MAIL_PORTS: ReadonlySet<number> = new Set([143, 993]);

function isOfSession(e: ParsedEvent): e is SessionEvent {
  switch (e.dataset) {
    case 'dovecot.login':
    case 'dovecot.session':
    case 'dovecot.auth':
    case 'haproxy.connection':
    case 'netfilter.packet':
      return true;
    case 'netflow.flow':
      return e.transport === 'tcp' && MAIL_PORTS.has(e.destinationPort) !== MAIL_PORTS.has(e.sourcePort);
    default:
      return false;
  }
}

export const isSessionLine = (t: TimedEvent): t is TimedEvent<SessionEvent> => isOfSession(t.event);

export const isSiteLine = (t: TimedEvent): t is TimedEvent<SiteEvent> =>
  t.event.dataset !== 'unparsed' && !isOfSession(t.event);

/** Of a flow of mail: whether it goes from the client to the server. */
export const isToServer = (e: NetflowEvent): boolean => MAIL_PORTS.has(e.destinationPort);

export const isToMailPort = (e: NetfilterEvent): boolean =>
  e.destinationPort !== undefined && MAIL_PORTS.has(e.destinationPort);

const FAMILIES = new Map<string, string>();

/** The part of a dataset's name that says which program wrote it. */
export function familyOf(dataset: string): string {
  let family = FAMILIES.get(dataset);
  if (family === undefined) {
    family = dataset.slice(0, dataset.indexOf('.') >>> 0);
    FAMILIES.set(dataset, family);
  }
  return family;
}
