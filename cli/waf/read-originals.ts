import { findInputs } from '../../ingest/find.ts';
import { openLog } from '../../ingest/open.ts';
import { type HttpMessage, messageOf } from '../../models/waf/http-message.ts';
import { ParseStage } from '../../processors/parse/index.ts';
import { nearOfWritten, UTC } from '../../processors/time.ts';

/**
 * The requests of an audit log as they were, by the WAF's id, of those that are wanted. They hold passwords and tokens: they are kept in memory for the
 * proof, and nothing of them is written. Returns what could not be read beside them.
 */
export async function readOriginals(
  paths: readonly string[],
  wanted: ReadonlySet<string>,
): Promise<{ readonly messages: ReadonlyMap<string, HttpMessage>; readonly problems: readonly string[] }> {
  const messages = new Map<string, HttpMessage>();
  const inputs = await findInputs(paths);
  const problems = inputs.problems.map((p) => `${p.path} ${p.message}`);
  const stage = new ParseStage();
  for (const [index, input] of inputs.inputs.entries()) {
    const log = await openLog(input, index);
    try {
      stage.open(log.source, UTC, nearOfWritten(log.source.modifiedAt ?? Date.now()), undefined);
      for await (const { records } of log.batches())
        stage.each(log.source, records, (event, line) => {
          if (
            event?.dataset !== 'modsecurity.audit' ||
            event.transaction === undefined ||
            !wanted.has(event.transaction)
          )
            return;
          const message = messageOf(line.message, {
            method: event.method ?? null,
            path: event.path ?? null,
            query: event.query ?? null,
          });
          if (message !== undefined) messages.set(event.transaction, message);
        });
      problems.push(...log.problems.map((p) => `${p.path} ${p.message}`));
    } finally {
      await log.close();
    }
  }
  return { messages, problems };
}
