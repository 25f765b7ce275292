/** The section `kafka` of a configuration file, as people write it, and the connection that it means. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { errorCode } from '../problem.ts';
import { KAFKA_COMPRESSIONS, type KafkaConnection, SASL_MECHANISMS } from './connection.ts';

const address = v.pipe(
  v.string(),
  v.regex(
    /^(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}$/,
    'is no HOST:PORT, for example kafka-1.example.org:9092',
  ),
  v.check((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'has a port beyond 65535'),
);
const text = v.pipe(v.string(), v.minLength(1, 'is empty'), v.maxLength(4096, 'is too long'));
const topicPart = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9._-]{1,200}$/, 'may hold letters, digits, dots, dashes and underscores'),
);

export const kafkaSection = v.strictObject({
  brokers: v.pipe(v.array(address), v.minLength(1, 'names no broker'), v.maxLength(100, 'names too many brokers')),
  client_id: v.optional(topicPart, 'imapwhy'),
  topic_prefix: v.optional(topicPart, 'imapwhy'),
  compression: v.optional(v.picklist(KAFKA_COMPRESSIONS), 'zstd'),
  tls: v.optional(
    v.union([
      v.boolean(),
      v.strictObject({
        /** Files, PEM. */
        ca: v.optional(text),
        cert: v.optional(text),
        key: v.optional(text),
        insecure: v.optional(v.boolean(), false),
      }),
    ]),
    false,
  ),
  sasl: v.optional(
    v.strictObject({
      mechanism: v.picklist(SASL_MECHANISMS),
      username: text,
      /** Name of an environment variable, or a file; a password in the configuration itself would end up in backups and tickets. */
      password_env: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of a variable'))),
      password_file: v.optional(text),
    }),
  ),
});
export type KafkaSection = v.InferOutput<typeof kafkaSection>;

/** What is wrong with a configuration: where in it, what, and what to write. Never holds a secret. */
export class KafkaConfigError extends Error {
  override readonly name = 'KafkaConfigError';
}

/** Reads the files and variables that the section names. Rejects with a KafkaConfigError. */
export async function kafkaConnection(
  section: KafkaSection,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KafkaConnection> {
  return {
    brokers: section.brokers,
    clientId: section.client_id,
    compression: section.compression,
    ...(await tlsOf(section)),
    ...(await saslOf(section, environment)),
  };
}

async function tlsOf({ tls }: KafkaSection): Promise<Pick<KafkaConnection, 'tls'>> {
  if (tls === false) return {};
  if (tls === true) return { tls: {} };
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw new KafkaConfigError('kafka.tls: cert and key belong together; name both or neither');
  return {
    tls: {
      ...(tls.ca === undefined ? {} : { ca: await pem('kafka.tls.ca', tls.ca) }),
      ...(tls.cert === undefined ? {} : { cert: await pem('kafka.tls.cert', tls.cert) }),
      ...(tls.key === undefined ? {} : { key: await pem('kafka.tls.key', tls.key) }),
      insecure: tls.insecure,
    },
  };
}

async function saslOf(
  { sasl }: KafkaSection,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Pick<KafkaConnection, 'sasl'>> {
  if (sasl === undefined) return {};
  const { mechanism, username, password_env: variable, password_file: file } = sasl;
  if ((variable === undefined) === (file === undefined))
    throw new KafkaConfigError('kafka.sasl: name the password by password_env or by password_file, one of them');
  if (file !== undefined) {
    const password = (await contents('kafka.sasl.password_file', file)).replace(/\r?\n$/, '');
    if (password === '') throw new KafkaConfigError(`kafka.sasl.password_file: ${file} is empty`);
    return { sasl: { mechanism, username, password } };
  }
  const password = environment[variable ?? ''];
  if (password === undefined || password === '')
    throw new KafkaConfigError(
      `kafka.sasl.password_env: the variable ${variable} is not set; export it before the start`,
    );
  return { sasl: { mechanism, username, password } };
}

async function pem(where: string, file: string): Promise<string> {
  const read = await contents(where, file);
  if (!read.includes('-----BEGIN '))
    throw new KafkaConfigError(`${where}: ${file} holds no PEM (-----BEGIN …); convert it with openssl`);
  return read;
}

async function contents(where: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new KafkaConfigError(`${where}: ${file} cannot be read (${errorCode(error)}); check the path and its rights`);
  }
}
