import type { EventBase } from '../event.ts';

export interface Fail2banEvent extends EventBase {
  readonly dataset: 'fail2ban.action';
  readonly action: 'banned' | 'unbanned' | 'found' | 'ignored' | 'notice'; // Restore Ban counts as banned, "already banned" as found
  readonly jail: string | undefined;
  readonly ip: string | undefined;
  readonly reason: string;
}
