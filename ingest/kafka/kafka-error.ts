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
  /** What was to be read next is not there: deleted before it was read, or the topic was made anew. It goes on at what there is. */
  'out_of_range',
  /** Larger than the topic's max.message.bytes. */
  'record_too_large',
  /** Another process opened the same transactional id: it goes on there. */
  'fenced',
  /** The partition belongs, or may belong, to another member of the group. */
  'membership_lost',
  /** A batch that cannot be read: damaged, of an unknown kind, or growing beyond bounds when it is unpacked. */
  'undecodable',
  /** The consumer seemed alive, but nothing moved; it was started anew. */
  'stalled',
  /** What a group has committed cannot be told: a transaction that moves it is open, for longer than any of ours may be. */
  'unstable',
  /** What was made of records that were read is not there any more. */
  'state_lost',
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
const passing: ReadonlySet<KafkaErrorCode> = new Set([
  'unreachable',
  'stalled',
  'unstable',
  'unknown_topic',
  'out_of_range',
  'membership_lost',
]);

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
