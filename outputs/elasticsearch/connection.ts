import { readFileSync } from 'node:fs';
import { Client, type ClientOptions, errors } from '@elastic/elasticsearch';
import { messageOf, OutputError } from '../output-error.ts';
import type { BulkAnswer } from './bulk-answer.ts';
import type { ElasticsearchConfig, Secret } from './config.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** One request and its answer, whatever its status. Rejects if there is none. */
export type Request = (
  method: string,
  path: string,
  body?: object | Buffer | string,
  options?: { readonly query?: Readonly<Record<string, string>>; readonly signal?: AbortSignal },
) => Promise<Answer>;

export interface Connection {
  readonly request: Request;
  close(): Promise<void>;
}

/**
 * A connection to the cluster through the official client: its pool, TLS, credentials and cloud id, and none of its retries, because the writer has to know each answer.
 * Throws an OutputError if a secret or certificate cannot be read; connects with the first request.
 */
export function connect(config: ElasticsearchConfig): Connection {
  const client = new Client(clientOptions(config));
  return {
    async request(method, path, body, options = {}) {
      // The client's own time limit ends with the headers of the answer; this one covers its body too.
      const limit = AbortSignal.timeout(config.requestTimeoutMs);
      const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
      try {
        const {
          statusCode,
          body: answer,
          headers,
        } = await client.transport.request(
          {
            method,
            path,
            ...(body === undefined ? {} : { body }),
            ...(options.query === undefined ? {} : { querystring: { ...options.query } }),
          },
          {
            meta: true,
            maxRetries: 0,
            signal,
            headers: {
              'content-type': Buffer.isBuffer(body) ? 'application/x-ndjson' : 'application/json',
              accept: 'application/json',
            },
          },
        );
        return { status: statusCode ?? 0, body: answer, headers };
      } catch (error) {
        if (error instanceof errors.ResponseError)
          return { status: error.statusCode ?? 0, body: error.body, headers: error.headers ?? {} };
        if (limit.aborted) throw new errors.TimeoutError(`no answer within ${config.requestTimeoutMs} ms`);
        throw error;
      }
    },
    close: () => client.close(),
  };
}

/** What a bulk request came to, with every way in which it can fail as a value. */
export async function bulkAnswer(
  request: Request,
  body: Buffer,
  signal: AbortSignal,
  requestTimeoutMs: number,
): Promise<BulkAnswer> {
  try {
    // The server waits for shards and masters too; it should tell us that it gave up before we do.
    const query = { ...BULK_QUERY, timeout: `${Math.ceil(requestTimeoutMs / 3)}ms` };
    const { status, body: answer, headers } = await request('POST', '/_bulk', body, { query, signal });
    const retryAfter = headers['retry-after'];
    return {
      kind: 'answer',
      status,
      body: answer,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
    };
  } catch (error) {
    return { kind: 'failure', trouble: troubleOf(error), message: messageOf(error) };
  }
}

/** Only what is looked at: the whole answer is a third longer, and our time to read it is part of the price of a document. */
const BULK_QUERY = {
  filter_path: 'errors,error,status,items.*.status,items.*._id,items.*._index,items.*.error',
};

/** Why there is no answer at all. */
export function troubleOf(error: unknown): 'unreachable' | 'timeout' | 'unreadable' {
  if (error instanceof errors.TimeoutError) return 'timeout';
  if (error instanceof errors.DeserializationError || error instanceof errors.ProductNotSupportedError)
    return 'unreadable';
  return 'unreachable';
}

function clientOptions(config: ElasticsearchConfig): ClientOptions {
  const { auth, tls } = config;
  return {
    ...(config.nodes === undefined ? {} : { nodes: [...config.nodes] }),
    ...(config.cloudId === undefined ? {} : { cloud: { id: config.cloudId } }),
    ...(auth === undefined ? {} : { auth: credentials(auth) }),
    ...(tls?.caFingerprint === undefined ? {} : { caFingerprint: tls.caFingerprint }),
    tls: {
      ...(tls?.ca === undefined ? {} : { ca: readText(tls.ca, 'tls.ca') }),
      rejectUnauthorized: tls?.verify ?? true,
    },
    compression: config.compression,
    requestTimeout: config.requestTimeoutMs,
    maxRetries: 0,
    enableMetaHeader: false,
  };
}

function credentials(auth: NonNullable<ElasticsearchConfig['auth']>): NonNullable<ClientOptions['auth']> {
  if ('apiKey' in auth) return { apiKey: readSecret(auth.apiKey, 'auth.api_key') };
  return { username: auth.username, password: readSecret(auth.password, 'auth.password') };
}

export function readSecret(secret: Secret, setting: string): string {
  if ('file' in secret) return readText(secret.file, setting).trim();
  const value = process.env[secret.env];
  if (value === undefined || value === '')
    throw new OutputError('INDEX_UNAVAILABLE', `${setting}: the environment variable ${secret.env} is not set`);
  return value;
}

function readText(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new OutputError('INDEX_UNAVAILABLE', `${setting}: ${path} cannot be read: ${messageOf(error)}`, error);
  }
}
