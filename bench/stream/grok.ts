/**
 * The alternative that users have: Elasticsearch parses. The pipeline for Dovecot's lines as people write it (grok patterns tried one after the other, a date processor), and as
 * a process of its own the leanest shipper there can be: lines from Kafka, unparsed, in bulk requests, with the ids that we would give them.
 */
import { parseArgs } from 'node:util';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import { readRawRecord } from '../../ingest/kafka/raw-record.ts';
import { eventId } from '../../processors/ecs.ts';

const SYSLOG =
  '%{SYSLOGTIMESTAMP:log.syslog.stamp} %{SYSLOGHOST:host.name} dovecot: %{DOVECOT_SERVICE:dovecot.service}(?:\\(%{DATA:user.name}\\))?(?:<%{INT:process.pid:long}>)?(?:<%{DATA:imapwhy.session.dovecot_id}>)?: %{GREEDYDATA:message}';

export const GROK_PIPELINE = {
  processors: [
    {
      grok: {
        field: 'event.original',
        patterns: [SYSLOG],
        pattern_definitions: { DOVECOT_SERVICE: '[a-z][a-z0-9-]*' },
      },
    },
    {
      date: {
        field: 'log.syslog.stamp',
        formats: ['MMM d HH:mm:ss', 'MMM dd HH:mm:ss'],
        timezone: 'UTC',
        target_field: '@timestamp',
      },
    },
    {
      grok: {
        field: 'message',
        ignore_failure: true,
        patterns: [
          '^ID sent: %{DATA:dovecot.id}: user=<%{DATA:user.name}>, rip=%{IP:source.ip}, lip=%{IP:server.ip}(?:, %{DATA:tls.state})?(?:, session=<%{DATA:imapwhy.session.dovecot_id}>)?$',
          '^Login: user=<%{DATA:user.name}>, method=%{WORD:imapwhy.auth.mechanism}, rip=%{IP:source.ip}, lip=%{IP:server.ip}(?:, mpid=%{INT:process.pid:long})?(?:, %{DATA:tls.state})?(?:, session=<%{DATA:imapwhy.session.dovecot_id}>)?$',
          '^Disconnected: %{DATA:event.reason}(?: \\(%{DATA:dovecot.detail}\\))?: user=<%{DATA:user.name}>,(?: method=%{WORD:imapwhy.auth.mechanism},)? rip=%{IP:source.ip}, lip=%{IP:server.ip}(?:, %{DATA:tls.state})?(?:, session=<%{DATA:imapwhy.session.dovecot_id}>)?$',
          '^(?:Disconnected|Connection closed|Logged out)%{DATA:event.reason} in=%{INT:source.bytes:long} out=%{INT:destination.bytes:long}%{GREEDYDATA:dovecot.counts}$',
          '^(?:Warning|Error|Info): %{GREEDYDATA:event.reason}$',
          '^%{WORD:event.action}(?: from %{DATA:dovecot.from})?: box=%{DATA:dovecot.mailbox}, uid=%{INT:dovecot.uid:long}, msgid=%{DATA:email.message_id}, size=%{INT:dovecot.size:long}$',
        ],
      },
    },
    { set: { field: 'event.dataset', value: 'dovecot' } },
    { set: { field: 'event.kind', value: 'event' } },
    { remove: { field: 'log.syslog.stamp', ignore_missing: true } },
  ],
};

const BODY_BYTES = 4 << 20;
const REQUESTS_MAX = 4;

/** Runs until it is told to stop. */
async function ship(brokers: string, topics: readonly string[], group: string, url: string, index: string) {
  const kafka = kafkajsKafka({ brokers: brokers.split(','), clientId: 'grok' });
  const target = `${url}/${index}/_bulk?pipeline=${index}&filter_path=errors`;
  let underWay = 0;
  const waiting: (() => void)[] = [];
  const post = async (body: string): Promise<void> => {
    while (underWay >= REQUESTS_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
    underWay++;
    try {
      const answer = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body });
      const { errors }: { readonly errors?: boolean } = JSON.parse(await answer.text());
      if (!answer.ok || errors === true) throw new Error(`the pipeline's bulk request met ${answer.status}`);
    } finally {
      underWay--;
      waiting.shift()?.();
    }
  };
  const consumption = await kafka.consume(
    { group, topics },
    {
      async batch({ lease, records, next }) {
        const posts: Promise<void>[] = [];
        let body = '';
        for (const record of records) {
          const raw = readRawRecord(record, lease);
          if (!raw) continue;
          body += `{"create":{"_id":"${eventId(raw.fingerprint, raw.offset)}"}}\n${JSON.stringify({ event: { original: raw.text }, log: { file: { path: raw.source } } })}\n`;
          if (body.length < BODY_BYTES) continue;
          posts.push(post(body));
          body = '';
        }
        if (body !== '') posts.push(post(body));
        await Promise.all(posts);
        await lease.commit(next);
      },
      failed(error) {
        process.stderr.write(`${error.message}\n`);
      },
    },
  );
  process.stdout.write('shipping\n');
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
  await consumption.stop();
  await kafka.close();
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      brokers: { type: 'string', default: '' },
      topics: { type: 'string', default: '' },
      group: { type: 'string', default: '' },
      url: { type: 'string', default: '' },
      index: { type: 'string', default: '' },
    },
  });
  await ship(values.brokers, values.topics.split(','), values.group, values.url, values.index);
}
