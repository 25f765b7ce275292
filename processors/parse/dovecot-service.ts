import type { Line, Stamp } from '../event.ts';
import type { DovecotServiceEvent } from './dovecot.ts';
import { withoutSecrets } from './dovecot-text.ts';
import { numberAfter, numberAt } from './number-at.ts';

/**
 * Lines of master, anvil, config, log, stats and of any process about itself. `at` is behind the process name and severity word.
 * Source: dovecot/core src/master/service-monitor.c, service-process.c, main.c (2.2.36.4 and 2.4.4).
 */
export function serviceEvent(
  line: Line,
  stamp: Stamp,
  text: string,
  process: string,
  from: number,
  trouble: boolean,
): DovecotServiceEvent {
  let at = text.startsWith('master: ', from) ? from + 8 : from;
  let service: string | undefined = process === 'master' || process === '' ? undefined : process;
  if (text.startsWith('service(', at)) {
    const close = text.indexOf('): ', at);
    if (close >= 0 && close < at + 80) {
      service = text.slice(at + 8, close);
      at = close + 3;
    }
  }
  const limitEnd = text.indexOf(') reached, client connections are being dropped', at);
  if (limitEnd >= 0) {
    const open = text.indexOf(' (', at);
    const limit = open < 0 || open > limitEnd ? undefined : numberAt(text, open + 2);
    const limitName = open < 0 || open > limitEnd ? undefined : text.slice(at, open);
    return event(line, stamp, 'limit-reached', service, limitName, limit, text, from);
  }
  if (text.includes('(ulimit -u ', at) && text.includes(' reached?)', at)) {
    const limit = numberAfter(text, '(ulimit -u ', at, text.length);
    return event(line, stamp, 'limit-reached', service, 'ulimit -u', limit, text, from);
  }
  return event(line, stamp, actionOf(text, at, trouble), service, undefined, undefined, text, from);
}

function actionOf(text: string, at: number, trouble: boolean): DovecotServiceEvent['action'] {
  if (text.startsWith('command startup failed, throttling', at)) return 'throttled';
  if (text.startsWith('SIGHUP received', at)) return 'reload';
  if (text.startsWith('Dovecot v', at)) return text.includes(' starting up', at) ? 'started' : 'notice';
  if (text.startsWith('Killed with signal ', at)) {
    const signal = numberAt(text, at + 19);
    return signal === 15 || signal === 2 ? 'stopped' : 'killed';
  }
  if (text.startsWith('child ', at) && text.includes(' killed with signal ', at)) return 'killed';
  if (text.startsWith('Initial status notification not received', at)) return 'killed';
  return trouble ? 'error' : 'notice';
}

function event(
  line: Line,
  stamp: Stamp,
  action: DovecotServiceEvent['action'],
  service: string | undefined,
  limitName: string | undefined,
  limit: number | undefined,
  text: string,
  from: number,
): DovecotServiceEvent {
  return {
    dataset: 'dovecot.service',
    line,
    stamp,
    action,
    service,
    limitName,
    limit,
    reason: withoutSecrets(text.slice(from)),
  };
}
