import type { Incident } from '../processors/profile/incident.ts';
import type { Profile } from '../processors/profile/profile.ts';

/** An event as it is written: the ECS document (redacted) and its id. */
export interface EventDocument {
  readonly id: string;
  readonly session: string | undefined; // session id it belongs to, where known
  readonly document: Readonly<Record<string, unknown>>;
}

export interface OutputBatch {
  readonly events: readonly EventDocument[];
  readonly profiles: readonly Profile[];
  readonly incidents: readonly Incident[];
}

/**
 * Where documents go. `write` must be idempotent by id: the same batch twice changes nothing, and a profile or incident is replaced
 * only by a higher revision. It resolves when the batch is durable; it rejects with an error that has `code` and `cause`.
 */
export interface Output {
  write(batch: OutputBatch): Promise<void>;
  close(): Promise<void>;
}
