import * as v from 'valibot';

/** `default` in `logs-imapwhy.dovecot-default`: Elasticsearch allows no dash here, and 100 bytes at most. */
const NAMESPACE = /^[a-z0-9_.]{1,100}$/;

const text = v.pipe(v.string(), v.nonEmpty());
const url = v.pipe(
  text,
  v.check(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'an address like https://host:9200',
  ),
  v.check(
    (value) => !URL.canParse(value) || new URL(value).password === '',
    'no password in the address: use `auth`, which can read it from a file or the environment',
  ),
);

/** A secret stands in the environment or in a file of its own, never in the configuration, which people copy and commit. */
const secret = v.union(
  [v.strictObject({ env: text }), v.strictObject({ file: text })],
  'write `{ env: NAME }` or `{ file: PATH }`: secrets do not belong in this file',
);

const auth = v.union(
  [v.strictObject({ apiKey: secret }), v.strictObject({ username: text, password: secret })],
  'write `{ api_key: SECRET }` or `{ username: NAME, password: SECRET }`',
);

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

/** The section `elasticsearch` of a configuration file. */
export const elasticsearchConfig = v.pipe(
  v.strictObject({
    nodes: v.optional(v.pipe(v.array(url), v.minLength(1))),
    cloudId: v.optional(text),
    auth: v.optional(auth),
    tls: v.optional(
      v.strictObject({
        ca: v.optional(text), // a file in PEM format
        caFingerprint: v.optional(text), // SHA-256, as Elasticsearch prints it at its first start
        verify: v.optional(v.boolean(), true),
      }),
    ),
    namespace: v.optional(v.pipe(v.string(), v.regex(NAMESPACE, 'small letters, digits, _ and .')), 'default'),
    compression: v.optional(v.boolean(), false),
    requestTimeoutMs: v.optional(positive, 60_000),
    bodyBytes: v.optional(v.pipe(positive, v.minValue(65_536), v.maxValue(100_000_000)), 4 * 1024 * 1024),
    requestsMax: v.optional(v.pipe(positive, v.maxValue(64)), 8),
    pendingBytesMax: v.optional(positive, 64 * 1024 * 1024),
  }),
  v.check((c) => (c.nodes === undefined) !== (c.cloudId === undefined), 'either `nodes` or `cloudId`'),
);

export type ElasticsearchConfigInput = v.InferInput<typeof elasticsearchConfig>;
export type ElasticsearchConfig = v.InferOutput<typeof elasticsearchConfig>;
export type Secret = v.InferOutput<typeof secret>;
