/** Kibana's own import: never its index, whose form changes with each version. */
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { readSecret } from '../elasticsearch/connection.ts';
import { textAt, valueAt } from '../elasticsearch/setup/cluster.ts';
import { messageOf, OutputError } from '../output-error.ts';
import type { KibanaConfig } from './config.ts';

const TIME_LIMIT_MS = 60_000;
const ANSWER_MAX = 10_000_000;
const BOUNDARY = 'imapwhy-saved-objects-5f1c9d'; // in no object: they are made from our own definitions

/** Puts the objects there, or renews those that have the same ids. Throws an OutputError that says what Kibana did not take. */
export async function importObjects(config: KibanaConfig, ndjson: string): Promise<number> {
  const body = Buffer.from(
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="imapwhy.ndjson"\r\nContent-Type: application/ndjson\r\n\r\n${ndjson}\r\n--${BOUNDARY}--\r\n`,
  );
  const space = config.space === undefined ? '' : `/s/${config.space}`;
  const url = new URL(`${config.url.replace(/\/$/, '')}${space}/api/saved_objects/_import?overwrite=true`);
  const { status, text } = await post(url, body, config);
  const answer = parsed(text);
  if (status !== 200) {
    const advice = status === 401 || status === 403 ? ' Its user needs the right to manage saved objects.' : '';
    throw new OutputError(
      'INDEX_UNAVAILABLE',
      `Kibana at ${url.origin} answered ${status}: ${textAt(answer, ['message']) ?? text.slice(0, 200)}.${advice}`,
    );
  }
  const count = valueAt(answer, ['successCount']);
  if (valueAt(answer, ['success']) === true && typeof count === 'number') return count;
  const errors = valueAt(answer, ['errors']);
  const list = Array.isArray(errors) ? errors.map(describe).join('; ') : text.slice(0, 500);
  throw new OutputError('INDEX_REFUSED', `Kibana at ${url.origin} did not take all objects: ${list}`);
}

function describe(error: unknown): string {
  return `${textAt(error, ['type']) ?? '?'} ${textAt(error, ['id']) ?? '?'}: ${textAt(error, ['error', 'type']) ?? 'unknown'}`;
}

function post(
  url: URL,
  body: Buffer,
  config: KibanaConfig,
): Promise<{ readonly status: number; readonly text: string }> {
  const options = {
    method: 'POST',
    headers: {
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': body.length,
      'kbn-xsrf': 'imapwhy',
      ...authorization(config),
    },
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
    ...(config.tls?.ca === undefined ? {} : { ca: certificate(config.tls.ca) }),
    rejectUnauthorized: config.tls?.verify ?? true,
  };
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(
        new OutputError('INDEX_UNAVAILABLE', `Kibana at ${url.origin} cannot be reached: ${messageOf(error)}`, error),
      );
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > ANSWER_MAX) response.destroy(new Error('its answer is too long'));
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', fail);
    request.end(body);
  });
}

function authorization({ auth }: KibanaConfig): Readonly<Record<string, string>> {
  if (auth === undefined) return {};
  if ('apiKey' in auth) return { authorization: `ApiKey ${readSecret(auth.apiKey, 'kibana.auth.api_key')}` };
  const password = readSecret(auth.password, 'kibana.auth.password');
  return { authorization: `Basic ${Buffer.from(`${auth.username}:${password}`).toString('base64')}` };
}

function certificate(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new OutputError('INDEX_UNAVAILABLE', `kibana.tls.ca: ${path} cannot be read: ${messageOf(error)}`, error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a page of a proxy: its text is shown as it is
  }
}
