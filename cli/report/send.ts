import { isIP } from 'node:net';
import { createTransport } from 'nodemailer';
import { messageOf } from '../../outputs/output-error.ts';
import { UseError } from '../use-error.ts';

/** How the mail goes out. The password is never an option: the list of processes shows those to everybody. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** `tls` from the first byte; `starttls` or nothing; `plain` on this machine only. */
  readonly security: 'tls' | 'starttls' | 'plain';
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly {
    readonly filename: string;
    readonly contentType: string;
    readonly content: Buffer | string;
  }[];
}

const CONNECT_MS = 20_000;
const SILENCE_MS = 60_000;
const ADDRESS = /^[^\s@<>()[\],;:"\\]{1,64}@[^\s@<>()[\],;:"\\]{1,255}$/;

/**
 * `smtps://user@host:465` (TLS from the first byte) or `smtp://user@host:587` (STARTTLS, which is insisted on beyond this machine). The password comes from
 * `IMAPWHY_SMTP_PASSWORD`. Throws a UseError.
 */
export function smtpServer(text: string | undefined, environment: NodeJS.ProcessEnv = process.env): SmtpServer {
  const given = text ?? environment.IMAPWHY_SMTP;
  if (given === undefined || given === '')
    throw new UseError('--send needs a mail server: --smtp smtps://user@mail.example.org, or IMAPWHY_SMTP.');
  const url = URL.parse(given);
  if (url === null || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '')
    throw new UseError(
      `--smtp: write smtps://user@host:465 or smtp://user@host:587${text === undefined ? ' (in IMAPWHY_SMTP)' : ''}.`,
    );
  if (url.password !== '')
    throw new UseError('--smtp: the password does not belong into the address. Put it into IMAPWHY_SMTP_PASSWORD.');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const user = url.username === '' ? undefined : decodeURIComponent(url.username);
  const password = environment.IMAPWHY_SMTP_PASSWORD || undefined;
  if (user !== undefined && password === undefined)
    throw new UseError(`--smtp: ${user} needs a password. Put it into IMAPWHY_SMTP_PASSWORD.`);
  const security = url.protocol === 'smtps:' ? 'tls' : isLoopback(host) ? 'plain' : 'starttls';
  const port = url.port === '' ? (security === 'tls' ? 465 : 587) : Number(url.port);
  return { host, port, security, user, password };
}

/** Each option may hold several, with commas. Throws a UseError. */
export function mailAddresses(option: string, texts: readonly string[]): readonly string[] {
  const all = texts.flatMap((text) => text.split(',')).map((text) => text.trim());
  const bad = all.find((text) => !ADDRESS.test(text));
  if (bad !== undefined) throw new UseError(`${option} ${bad}: not a mail address.`);
  return all;
}

/** Resolves when the server has taken the mail for all; rejects with an Error that says for whom it has not, and why. */
export async function sendLetter(letter: Letter, server: SmtpServer): Promise<void> {
  const { host, port, security, user, password } = server;
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'plain',
    ...(user !== undefined && { auth: { user, pass: password ?? '' } }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await transport.sendMail({
      ...letter,
      to: [...letter.to],
      attachments: [...letter.attachments],
    });
    if (rejected.length > 0) throw new Error(`the server does not take mail for ${rejected.map(nameOf).join(', ')}`);
  } catch (error) {
    throw new Error(
      `the report was not sent through ${host}:${port}: ${messageOf(error)}. Check --smtp, --from and --to; the report itself can be written with --out.`,
      { cause: error },
    );
  } finally {
    transport.close();
  }
}

const nameOf = (address: string | { readonly address?: string }): string =>
  typeof address === 'string' ? address : (address.address ?? '');

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
