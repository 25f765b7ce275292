import type { Trouble } from './bulk-answer.ts';
import type { TroubleState } from './bulk-writer.ts';

const ADVICE: Readonly<Record<Trouble, string>> = {
  unreachable: 'check the address, that it runs there, and tls (ca, caFingerprint, the dates of the certificate)',
  timeout: 'it is busy, or stands still: look at its load',
  unreadable: 'what answers is no Elasticsearch, or something in between changes its answers',
  overloaded: 'it goes on by itself; if this lasts, it needs more room or more nodes',
  failing: 'see its log',
  denied:
    'check auth and the rights of that user (create_doc, index, auto_configure on logs-imapwhy.* and imapwhy-*), and blocks of the index',
  missing: 'run imapwhy setup, and let action.auto_create_index allow logs-imapwhy.* and imapwhy-*',
};
const FULL =
  'its disk is full up to the flood stage, and it takes nothing: free space or raise the watermark; it goes on by itself';

/** What keeps documents from being written, where, and what to do about it. */
export function troubleText({ trouble, reason }: TroubleState, nodes: readonly string[]): string {
  const advice = /disk usage exceeded flood-stage|read_only_allow_delete|read-only-allow-delete/.test(reason)
    ? FULL
    : ADVICE[trouble];
  return `Elasticsearch at ${nodes.join(', ')} (${trouble}): ${reason}; ${advice}`;
}
