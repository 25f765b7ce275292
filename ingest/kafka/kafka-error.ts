/** What Kafka refuses, or what became of the way to it. Short and fixed, so that it can be a metric label. */
export const KAFKA_ERROR_CODES = [
  /** No broker answers, or answers stopped. */
  'unreachable',
  /** User, password or mechanism is wrong. */
  'authentication_failed',
  /** The certificate is not trusted, has ended or names another host, or one side does not speak TLS. */
  'tls_failed',
  /** An ACL does not allow it. */
  'not_authorized',
  'unknown_topic',
  /** Larger than the topic's max.message.bytes. */
  'record_too_large',
  /** Another process opened the same transactional id: it goes on there. */
  'fenced',
  /** The partition belongs, or may belong, to another member of the group. */
  'membership_lost',
  /** A compressed batch that cannot be read, or that grows beyond bounds. */
  'undecodable',
  /** The consumer seemed alive, but nothing moved; it was started anew. */
  'stalled',
  /** Whether it was written is not known. */
  'outcome_unknown',
  /** The application's own callback failed. */
  'handler_failed',
  'closed',
  /** Any other answer of a broker; its name is in the message. */
  'refused',
] as const;
export type KafkaErrorCode = (typeof KAFKA_ERROR_CODES)[number];

/** What one may expect to pass by itself; everything else needs a person, or another way. */
const passing: ReadonlySet<KafkaErrorCode> = new Set(['unreachable', 'stalled', 'unknown_topic', 'membership_lost']);

export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly code: KafkaErrorCode;

  /** `message` says what, where and what to do; it never holds a password or the content of a record. */
  constructor(code: KafkaErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  get mayPass(): boolean {
    return passing.has(this.code);
  }
}
