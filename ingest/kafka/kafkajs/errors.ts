/** kafkajs's errors, which lie in each other like onions, in our words. */
import { KafkaError, type KafkaErrorCode } from '../kafka-error.ts';

const byType: ReadonlyMap<string, KafkaErrorCode> = new Map([
  ['SASL_AUTHENTICATION_FAILED', 'authentication_failed'],
  ['UNSUPPORTED_SASL_MECHANISM', 'authentication_failed'],
  ['ILLEGAL_SASL_STATE', 'authentication_failed'],
  ['TOPIC_AUTHORIZATION_FAILED', 'not_authorized'],
  ['GROUP_AUTHORIZATION_FAILED', 'not_authorized'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'not_authorized'],
  ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'not_authorized'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'unknown_topic'],
  ['OFFSET_OUT_OF_RANGE', 'out_of_range'],
  ['MESSAGE_TOO_LARGE', 'record_too_large'],
  ['RECORD_LIST_TOO_LARGE', 'record_too_large'],
  ['INVALID_PRODUCER_EPOCH', 'fenced'],
  ['TRANSACTION_COORDINATOR_FENCED', 'fenced'],
  ['FENCED_INSTANCE_ID', 'fenced'],
  ['INVALID_PRODUCER_ID_MAPPING', 'fenced'],
  ['ILLEGAL_GENERATION', 'membership_lost'],
  ['UNKNOWN_MEMBER_ID', 'membership_lost'],
  ['REBALANCE_IN_PROGRESS', 'membership_lost'],
  ['REQUEST_TIMED_OUT', 'unreachable'],
  ['BROKER_NOT_AVAILABLE', 'unreachable'],
  ['LEADER_NOT_AVAILABLE', 'unreachable'],
  ['NOT_LEADER_FOR_PARTITION', 'unreachable'],
  ['GROUP_LOAD_IN_PROGRESS', 'unreachable'],
  ['GROUP_COORDINATOR_NOT_AVAILABLE', 'unreachable'],
  ['NOT_COORDINATOR_FOR_GROUP', 'unreachable'],
  ['CONCURRENT_TRANSACTIONS', 'unreachable'],
  ['NOT_ENOUGH_REPLICAS', 'unreachable'],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'unreachable'],
  ['KAFKA_STORAGE_ERROR', 'unreachable'],
]);

const byName: ReadonlyMap<string, KafkaErrorCode> = new Map([
  ['KafkaJSSASLAuthenticationError', 'authentication_failed'],
  ['KafkaJSConnectionError', 'unreachable'],
  ['KafkaJSConnectionClosedError', 'unreachable'],
  ['KafkaJSRequestTimeoutError', 'unreachable'],
  ['KafkaJSBrokerNotFound', 'unreachable'],
  ['KafkaJSNoBrokerAvailableError', 'unreachable'],
  ['KafkaJSLockTimeout', 'unreachable'],
  ['KafkaJSGroupCoordinatorNotFound', 'unreachable'],
  ['KafkaJSMetadataNotLoaded', 'unreachable'],
  ['KafkaJSTopicMetadataNotLoaded', 'unknown_topic'],
  ['KafkaJSNotImplemented', 'undecodable'],
  ['KafkaJSPartialMessageError', 'undecodable'],
]);

const advice: Readonly<Record<KafkaErrorCode, string>> = {
  unreachable: 'check the addresses, and that a broker runs there',
  authentication_failed: 'check user, password and mechanism',
  tls_failed: 'check the certificate authority (tls.ca), the host name and the dates of the certificate',
  not_authorized: 'grant it with kafka-acls, or use another user',
  unknown_topic: 'create the topic; `imapwhy run` makes what is missing when it starts',
  out_of_range: 'it goes on at what there is',
  record_too_large: "raise the topic's max.message.bytes",
  fenced: 'another process has taken over',
  membership_lost: 'the group has given the partition away',
  undecodable: 'skip it or write it again with another codec',
  stalled: 'it is started anew',
  unstable: 'it is asked again',
  state_lost: 'start with another topic prefix',
  outcome_unknown: 'look before sending again',
  handler_failed: 'see the cause',
  closed: 'it was closed here',
  refused: "see the broker's log",
};

/** `doing` says what failed, with its topic or group: "reading imapwhy.events". */
export function toKafkaError(error: unknown, doing: string): KafkaError {
  if (error instanceof KafkaError) return error;
  const chain = causes(error);
  const code = codeOf(chain);
  const last = chain.at(-1);
  const place = chain.map((e) => ('place' in e ? String(e.place) : '')).find((text) => text !== '');
  const where = place === undefined ? '' : ` for ${place}`;
  return new KafkaError(code, `${doing}: ${wording(last)}${where}; ${advice[code]}`, error);
}

/** A coordinator that is only loading, or whose topic is being made for the first group of a cluster, is there in a moment. */
export const isLoading = ({ cause }: KafkaError): boolean =>
  causes(cause).some(
    (error) =>
      'type' in error &&
      /^(?:GROUP_LOAD_IN_PROGRESS|GROUP_COORDINATOR_NOT_AVAILABLE|NOT_COORDINATOR_FOR_GROUP)$/.test(String(error.type)),
  );

function codeOf(chain: readonly Error[]): KafkaErrorCode {
  const network = chain.map((error) => ('code' in error ? String(error.code) : ''));
  if (network.some(isTlsCode) || chain.some((error) => /\b(?:ssl|tls)\b|certificate/i.test(error.message)))
    return 'tls_failed';
  for (const error of chain.toReversed()) {
    const code = byType.get('type' in error ? String(error.type) : '') ?? byName.get(error.name);
    if (code !== undefined) return code;
    // Two codes of newer brokers that the client does not know: PRODUCER_FENCED, and a transaction that can only be aborted.
    if (/Unknown error code 90\b/.test(error.message)) return 'fenced';
    if (/Unknown error code 120\b/.test(error.message)) return 'unreachable';
    if (/invalid[^.]*transition|transaction.*(?:state|aborted)/i.test(error.message)) return 'unreachable';
  }
  if (network.some((code) => /^E[A-Z]+$/.test(code))) return 'unreachable';
  return 'refused';
}

const isTlsCode = (code: string): boolean =>
  /^(?:CERT_|ERR_TLS|ERR_SSL|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER))/.test(code);

function wording(error: Error | undefined): string {
  if (error === undefined) return 'unknown trouble';
  const type = 'type' in error && typeof error.type === 'string' ? ` (${error.type})` : '';
  return `${error.message}${type}`;
}

/** From the outermost error inwards, of several the first; a ring ends. */
function causes(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  let next: unknown = error;
  while (next instanceof Error && !chain.includes(next)) {
    chain.push(next);
    const several: unknown = 'errors' in next ? next.errors : undefined;
    next = Array.isArray(several)
      ? several[0]
      : 'cause' in next && next.cause !== undefined
        ? next.cause
        : 'originalError' in next
          ? next.originalError
          : undefined;
  }
  return chain.length > 0 ? chain : [new Error(String(error))];
}
