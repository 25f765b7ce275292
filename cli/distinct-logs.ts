import { createHash } from 'node:crypto';
import type { OpenedLog } from '../ingest/open.ts';
import { type InputProblem, inputProblem } from '../ingest/problem.ts';
import { sourceNumber } from '../ingest/record.ts';

/**
 * Tells copies from files that merely begin alike (programs greet with the same lines): a copy is left out, and files that begin alike get a
 * fingerprint of a longer beginning, so that no two records share an id. The result does not depend on the order of the files; nor does the
 * order in which the logs are given back and numbered.
 */
export function distinctLogs(logs: readonly OpenedLog[]): {
  readonly distinct: readonly OpenedLog[];
  readonly copies: readonly InputProblem[];
} {
  const alike = new Map<string, OpenedLog[]>();
  for (const log of logs) alike.set(log.source.fingerprint, [...(alike.get(log.source.fingerprint) ?? []), log]);
  const distinct: OpenedLog[] = [];
  const copies: InputProblem[] = [];
  for (const log of logs) {
    const group = alike.get(log.source.fingerprint) ?? [];
    if (group.length === 1) {
      distinct.push(log);
      continue;
    }
    const first = group.find((other) => other.head === log.head);
    if (first && first !== log)
      copies.push(
        inputProblem(
          'duplicate',
          log.source.name,
          `begins exactly like ${first.source.name}: it is a copy of it and was left out.`,
        ),
      );
    else {
      log.identify(log.source.index, createHash('sha256').update(log.head).digest('base64url').slice(0, 22));
      distinct.push(log);
    }
  }
  distinct.sort((a, b) => sourceNumber(a.source.fingerprint) - sourceNumber(b.source.fingerprint));
  distinct.forEach((log, index) => {
    log.identify(index, log.source.fingerprint);
  });
  return { distinct, copies };
}
