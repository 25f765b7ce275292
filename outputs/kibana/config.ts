import * as v from 'valibot';
import { elasticsearchConfig } from '../elasticsearch/config.ts';
import { KIBANA_DEFAULTS } from './data-views.ts';

const { auth, tls } = elasticsearchConfig.pipe[0].entries;
const text = v.pipe(v.string(), v.nonEmpty());

/** The section `kibana` of a configuration file: where `setup` puts data views, searches and dashboards. */
export const kibanaConfig = v.strictObject({
  url: v.pipe(
    text,
    v.check(
      (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
      'an address like https://host:5601',
    ),
  ),
  space: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,100}$/, 'small letters, digits, _ and -'))),
  sessionUrl: v.optional(
    v.pipe(
      text,
      v.check(
        (value) => value.includes('{{value}}'),
        'the address of a session in `imapwhy serve`, with {{value}} for its id',
      ),
    ),
    KIBANA_DEFAULTS.sessionUrl,
  ),
  auth,
  tls,
});

export type KibanaConfig = v.InferOutput<typeof kibanaConfig>;
