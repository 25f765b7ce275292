import type { DocumentValues } from '../document-shape.ts';
import { tlsVersionNumber } from '../tls-version.ts';
import type { DovecotLoginEvent, DovecotSessionEvent } from './dovecot.ts';
import { nanoseconds, peerPort } from './dovecot-ecs.ts';

/** What differs from one document of these lines to the next, in the order of `toEcs`: they are most of a mail log. */
type Event = DovecotLoginEvent | DovecotSessionEvent;

/** What is part of the shape; of each there are few. */
export const dovecotWords = (e: Event): readonly (string | undefined)[] =>
  e.dataset === 'dovecot.login'
    ? [e.dataset, e.action, e.protocol, e.tls, e.end, e.auth, e.endedBy]
    : [e.dataset, e.action, e.protocol, e.end, e.commandState, e.waitingFor];

/** From `event.reason` on, `process.pid` from the envelope included. */
export function addDovecotValues(e: Event, values: DocumentValues): void {
  if (e.dataset === 'dovecot.login') addLogin(e, values);
  else addSession(e, values);
}

export function addDovecotRelated(e: Event, values: DocumentValues): void {
  if (e.dataset === 'dovecot.login') {
    values.textUnlessEmpty(e.rip);
    values.textUnlessEmpty(e.lip === e.rip ? undefined : e.lip);
  }
  values.textUnlessEmpty(e.user);
  values.textUnlessEmpty(e.line.host);
}

function addLogin(e: DovecotLoginEvent, values: DocumentValues): void {
  values.text(e.reason);
  values.number(e.action === 'disconnected' ? nanoseconds(e.waitedSeconds) : undefined);
  values.text(e.rip);
  const hasSource = e.rip !== undefined;
  values.number(hasSource ? (e.rport ?? peerPort(e)) : undefined);
  values.number(hasSource ? e.bytesIn : undefined);
  values.text(e.lip);
  values.number(e.lip === undefined ? undefined : e.lport);
  values.number(e.bytesOut);
  addUser(e.user, values);
  values.text(e.tlsVersion && tlsVersionNumber(e.tlsVersion));
  values.text(e.tlsCipher);
  values.number(e.mpid ?? e.line.pid);
  values.text(e.client);
  values.text(e.session);
  values.text(e.method);
  values.text(e.tlsError);
  values.number(e.attempts);
  values.number(e.waitedSeconds);
  values.number(e.timerSeconds);
}

function addSession(e: DovecotSessionEvent, values: DocumentValues): void {
  values.text(e.reason);
  values.number(
    nanoseconds(e.action === 'lock-wait' ? e.lockSeconds : e.action === 'slow' ? e.waitingSeconds : undefined),
  );
  values.number(e.bytesIn);
  values.number(e.bytesOut);
  addUser(e.user, values);
  values.number(e.pid ?? e.line.pid);
  values.text(e.session);
  values.text(e.tlsError);
  values.text(e.command);
  values.number(e.commandSeconds);
  values.number(e.waitingSeconds);
  values.number(e.lockSeconds);
  values.number(e.bufferedOut);
  values.number(e.inactiveSeconds);
}

/** See `ecsUser`. */
function addUser(name: string | undefined, values: DocumentValues): void {
  const at = name === undefined ? -1 : name.lastIndexOf('@');
  values.text(name);
  values.text(name !== undefined && at > 0 && at < name.length - 1 ? name.slice(at + 1) : undefined);
}
