/**
 * Fields that Elasticsearch computes once, when a profile is indexed, so that dashboards can average what the profile holds in a list. The document itself stays as it is. They say
 * the same as processors/profile/standing.ts and the indicators of reports/summary.ts; a test on a real server compares both over the sample.
 */
import type { FieldMapping } from './mapping.ts';

/** What a session counts as (processors/profile/standing.ts), as a function of Painless. */
const STANDING = `
  String standing(Map source) {
    def own = source.imapwhy; def label = own.cause.label; def outcome = own.outcome;
    if (source.tags != null && source.tags.contains('health_check')) { return 'health_check'; }
    if (source.tags != null && source.tags.contains('known_scanner')) { return 'known_scanner'; }
    if (label == 'security.attack') { return 'attack'; }
    if (outcome == 'ok') { return 'succeeded'; }
    if (label != 'none') { return 'explained'; }
    if (outcome == 'auth_failed') { return 'wrong_password'; }
    return outcome == 'unknown' ? 'undetermined' : 'unexplained';
  }
  boolean legitimate(String standing) { return standing == 'succeeded' || standing == 'explained' || standing == 'unexplained'; }
`;

/** A profile that a script cannot read is indexed without the field rather than refused. */
const computed = (type: string, source: string): FieldMapping => ({
  type,
  on_script_error: 'continue',
  script: { source: `${STANDING}${source}`.replace(/\s+/g, ' ').trim() },
});

export const DERIVED_FIELDS: Readonly<Record<string, FieldMapping>> = {
  'imapwhy.derived.standing': computed('keyword', 'emit(standing(params._source));'),
  'imapwhy.derived.finding': computed(
    'keyword',
    `def label = params._source.imapwhy.cause.label; String s = standing(params._source);
     emit(label != 'none' ? label : (s == 'succeeded' ? 'healthy' : s));`,
  ),
  // 1 or 0 for the attempts that availability counts, nothing for others: its mean is the success rate.
  'imapwhy.derived.success': computed(
    'double',
    `String s = standing(params._source);
     if (legitimate(s)) { emit(s == 'succeeded' ? 1 : 0); }`,
  ),
  // Of legitimate users: connection to login, where login succeeded and stamps are precise to a second.
  'imapwhy.derived.setup_ms': computed(
    'double',
    `def phases = params._source.imapwhy.phases; def auth = null;
     for (def p : phases) { if (auth == null && p.name == 'auth') { auth = p; } }
     if (auth != null && auth.outcome == 'ok' && auth.duration_ms != null && legitimate(standing(params._source))) {
       def first = phases[0];
       if (Math.max((double) auth.precision_ms, (double) first.precision_ms) <= 1000) {
         long from = ZonedDateTime.parse(first.start).toInstant().toEpochMilli();
         long to = ZonedDateTime.parse(auth.start).toInstant().toEpochMilli();
         emit((double) (to - from) + (double) auth.duration_ms);
       }
     }`,
  ),
  // Of legitimate users: completed handshakes whose stamps are precise to a quarter of a second.
  'imapwhy.derived.tls_ms': computed(
    'double',
    `if (legitimate(standing(params._source))) {
       for (def p : params._source.imapwhy.phases) {
         if (p.name == 'tls' && p.outcome == 'ok' && p.duration_ms != null && (double) p.precision_ms <= 250) { emit((double) p.duration_ms); }
       }
     }`,
  ),
};
