/** The report by mail, through a real SMTP server on this machine; and its PDF, where there is a Chromium. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { findChromium } from '../../cli/report/pdf.ts';
import { mailAddresses, smtpServer } from '../../cli/report/send.ts';
import { UseError } from '../../cli/use-error.ts';
import { openStore } from '../../outputs/sqlite.ts';
import { madeWeeks } from '../reports/weekly/made-weeks.ts';
import { imapwhy } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'imapwhy-send-'));
const store = join(dir, 'imapwhy.db');

before(async () => {
  const { profiles, incidents, coverage } = madeWeeks({ healthyPerDay: 30 });
  const made = openStore(store);
  await made.write({ profiles, incidents, events: [] });
  made.recordCoverage(coverage);
  await made.close();
});
after(() => rmSync(dir, { recursive: true, force: true }));

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

interface MailServer {
  readonly port: number;
  readonly letters: readonly Received[];
}

async function mailServer(t: TestContext, options: SMTPServerOptions = {}): Promise<MailServer> {
  const letters: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    ...options,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        letters.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map((r) => r.address),
          text: Buffer.concat(chunks).toString('utf8'),
        });
        done();
      });
    },
  });
  server.on('error', () => {}); // of clients that hang up
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  const address = listening.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { port: address.port, letters };
}

const send = (port: number, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
  imapwhy(
    [
      'report',
      '--store',
      store,
      '--week',
      '2026-W47',
      '--send',
      '--from',
      'imapwhy@example.org',
      '--smtp',
      `smtp://127.0.0.1:${port}`,
      ...args,
    ],
    { env },
  );

/** The bodies of the parts, decoded. */
function partsOf(letter: string): readonly { readonly type: string; readonly content: Buffer }[] {
  const boundaries = [...letter.matchAll(/boundary="([^"]+)"/g)].map((m) => m[1] ?? '');
  let pieces = [letter];
  for (const boundary of boundaries) pieces = pieces.flatMap((piece) => piece.split(`--${boundary}`));
  return pieces.flatMap((piece) => {
    const at = piece.indexOf('\r\n\r\n');
    const head = piece.slice(0, at);
    const body = piece.slice(at + 4);
    const type = /^Content-Type: ([\w/]+)/im.exec(head)?.[1] ?? '';
    if (/^Content-Transfer-Encoding: base64/im.test(head)) return [{ type, content: Buffer.from(body, 'base64') }];
    if (!/^Content-Transfer-Encoding: quoted-printable/im.test(head)) return [];
    const bytes = body
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return [{ type, content: Buffer.from(bytes, 'latin1') }];
  });
}

describe('imapwhy report --send', () => {
  it('gives the server one letter with the report as text and HTML, and the PDF beside', async (t) => {
    const server = await mailServer(t);
    const { code, stderr, stdout } = await send(server.port, [
      '--to',
      'lead@example.org,cto@example.org',
      '--lang',
      'zh',
    ]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /sent to lead@example\.org, cto@example\.org/);
    const [letter, ...others] = server.letters;
    assert.ok(letter && others.length === 0);
    assert.equal(letter.from, 'imapwhy@example.org');
    assert.deepEqual(letter.to, ['lead@example.org', 'cto@example.org']);
    const parts = partsOf(letter.text);
    const partOf = (type: string) => parts.find((p) => p.type === type)?.content;
    assert.match(partOf('text/plain')?.toString('utf8') ?? '', /IMAP 连接失败原因周报/);
    const html = partOf('text/html')?.toString('utf8') ?? '';
    assert.match(html, /网络路径丢包/);
    assert.doesNotMatch(html, /<svg|<style|<script|<img|var\(--/);
    const chromium = await findChromium(undefined);
    if (chromium === undefined) assert.match(stderr, /without a PDF/);
    else assert.equal(partOf('application/pdf')?.subarray(0, 5).toString(), '%PDF-');
  });

  it('signs in with the password of the environment', async (t) => {
    const server = await mailServer(t, {
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _, done) =>
        auth.username === 'kim' && auth.password === 'pass word' ? done(null, { user: 'kim' }) : done(new Error('no')),
    });
    const args = ['--to', 'lead@example.org', '--smtp', `smtp://kim@127.0.0.1:${server.port}`];
    const right = await send(server.port, args, { PATH: '', IMAPWHY_SMTP_PASSWORD: 'pass word' });
    assert.equal(right.code, 0, right.stderr);
    assert.match(right.stderr, /without a PDF: no Chromium was found/);
    assert.equal(server.letters.length, 1);
    const wrong = await send(server.port, args, { PATH: '', IMAPWHY_SMTP_PASSWORD: 'guessed' });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /was not sent through 127\.0\.0\.1/);
    assert.doesNotMatch(wrong.stderr, /\n\s+at |guessed/);
  });

  it('gives nothing to a server whose certificate nobody vouches for', async (t) => {
    const server = await mailServer(t, { secure: true }); // with the certificate that everybody has the key of
    const args = ['--to', 'lead@example.org', '--smtp', `smtps://127.0.0.1:${server.port}`];
    const { code, stderr } = await send(server.port, args, { PATH: '' });
    assert.equal(code, 1);
    assert.match(stderr, /certificate/);
    assert.equal(server.letters.length, 0);
  });

  it('says for whom the server takes no mail, and that nobody listens', async (t) => {
    const server = await mailServer(t, {
      onRcptTo: (address, _, done) =>
        address.address.startsWith('nobody') ? done(new Error('550 no such user')) : done(),
    });
    const env = { PATH: '' };
    const some = await send(server.port, ['--to', 'lead@example.org', '--to', 'nobody@example.org'], env);
    assert.equal(some.code, 1);
    assert.match(some.stderr, /nobody@example\.org/);
    const none = await send(1, ['--to', 'lead@example.org'], env);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /was not sent through 127\.0\.0\.1:1/);
  });
});

describe('mail settings', () => {
  it('keep passwords off the command line and TLS on', () => {
    const password = { IMAPWHY_SMTP_PASSWORD: 'secret' };
    assert.throws(() => smtpServer('smtps://kim:secret@mail.example.org', {}), /IMAPWHY_SMTP_PASSWORD/);
    assert.throws(() => smtpServer('smtps://kim@mail.example.org', {}), /needs a password/);
    assert.deepEqual(smtpServer('smtps://kim@mail.example.org', password), {
      host: 'mail.example.org',
      port: 465,
      security: 'tls',
      user: 'kim',
      password: 'secret',
    });
    assert.equal(smtpServer('smtp://mail.example.org', {}).security, 'starttls');
    assert.equal(smtpServer('smtp://localhost:25', {}).security, 'plain');
    assert.equal(smtpServer('smtp://127.evil.example.org', {}).security, 'starttls');
    assert.equal(smtpServer(undefined, { IMAPWHY_SMTP: 'smtp://[::1]:2525' }).port, 2525);
    for (const bad of ['mail.example.org', 'http://mail.example.org', 'smtp://', ''])
      assert.throws(() => smtpServer(bad, {}), UseError, bad);
  });

  it('take addresses and nothing that could be a header', () => {
    assert.deepEqual(mailAddresses('--to', ['a@example.org, b@example.org']), ['a@example.org', 'b@example.org']);
    for (const bad of ['a', 'a@', '@b', 'a@b\r\nBcc: c@d', 'A <a@b>', 'a@b c@d', ''])
      assert.throws(() => mailAddresses('--to', [bad]), UseError, bad);
  });
});

describe('imapwhy report --pdf', () => {
  it('prints the same bytes twice', async (t) => {
    if ((await findChromium(undefined)) === undefined) return t.skip('no Chromium on this machine');
    const files = [join(dir, 'a.pdf'), join(dir, 'b.pdf')];
    const printed = await Promise.all(
      files.map((file) => imapwhy(['report', '--store', store, '--week', '2026-W47', '--pdf', file])),
    );
    for (const { code, stderr } of printed) assert.equal(code, 0, stderr);
    const [a, b] = files.map((file) => readFileSync(file));
    assert.equal(a?.subarray(0, 5).toString(), '%PDF-');
    assert.ok(a !== undefined && b !== undefined && a.equals(b));
  });

  it('says what to do without a Chromium, and with one that is none', async () => {
    const args = ['report', '--store', store, '--pdf', join(dir, 'c.pdf')];
    const [none, wrong] = await Promise.all([
      imapwhy(args, { env: { PATH: '', IMAPWHY_CHROMIUM: '' } }),
      imapwhy([...args, '--chromium', join(dir, 'nowhere')]),
    ]);
    assert.deepEqual([none.code, wrong.code], [1, 1]);
    assert.match(none.stderr, /no Chromium was found.*--chromium PATH/);
    assert.match(wrong.stderr, /nowhere: cannot be started/);
  });
});
