import type { Stamp } from '../../event.ts';
import type { CivilZone } from '../../time.ts';

/** What stood around a program's own text. */
export interface Envelope {
  /** Undefined when the envelope has none (a PRI alone, a nil time stamp). */
  readonly stamp: Stamp | undefined;
  readonly host: string | undefined;
  readonly program: string | undefined;
  readonly pid: number | undefined;
  readonly message: string;
  /** The envelope knows that the message goes on in the next record (Kubernetes' partial lines). */
  readonly partial: boolean;
}

/** What an envelope must not guess. */
export interface EnvelopeContext {
  /** Zone for stamps that carry none. */
  readonly zone: CivilZone;
  /** UTC epoch ms near which a stamp without a year lies. */
  readonly near: number;
}
