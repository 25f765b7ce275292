import { toDeadLetter } from '../../ingest/kafka/dead-letter.ts';
import type { ConsumedRecord, RecordToSend, TopicPartition } from '../../ingest/kafka/port.ts';
import { version } from '../version.ts';

/**
 * The dead letter of one event or fact that a pure step could not take, without its neighbours: `value` is a record of its own, which can be
 * replayed once the step is mended. Its position is that of the record with which it fell due.
 */
export function rejectedLetter(
  value: Buffer,
  due: ConsumedRecord,
  where: TopicPartition,
  error: unknown,
): RecordToSend {
  const reason = {
    code: 'rejected',
    stage: 'correlate',
    errorClass: error instanceof Error ? error.name : typeof error,
    message: error instanceof Error ? error.message : String(error),
  };
  return toDeadLetter({ ...due, key: null, value }, where, reason, version);
}
