/** The service itself, on the loopback interface: what it refuses, and that it answers. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readAccounts } from '../../cli/accounts.ts';
import { type ServeOptions, serve } from '../../cli/serve.ts';
import { UseError } from '../../cli/use-error.ts';
import { addUser } from '../../cli/user.ts';
import { openStore } from '../../outputs/sqlite.ts';
import { isPassword } from '../../web/password.ts';
import { batchOf } from '../contract/output.ts';
import { temporaryFolder } from '../outputs/small-disk.ts';
import { sampleSessions } from '../profiles.ts';

const PASSWORD = 'correct horse battery';

async function options(t: TestContext, more: Partial<ServeOptions> = {}): Promise<ServeOptions> {
  const folder = temporaryFolder(t);
  const store = openStore(join(folder, 'imapwhy.db'));
  const sessions = sampleSessions();
  await store.write(batchOf({ profiles: sessions.map((s) => s.profile), events: sessions.flatMap((s) => s.events) }));
  await store.close();
  return {
    listen: '127.0.0.1:0',
    store: join(folder, 'imapwhy.db'),
    accounts: join(folder, 'accounts.json'),
    ...more,
  };
}

const refuses = async (given: ServeOptions, why: RegExp): Promise<void> => {
  await assert.rejects(serve(given), (error) => {
    assert.ok(error instanceof UseError, String(error));
    assert.match(error.message, why);
    return true;
  });
};

describe('imapwhy serve', () => {
  it('answers on the loopback interface, and makes log lines searchable while it runs', async (t) => {
    const service = await serve(await options(t));
    t.after(() => service.close());
    assert.match(service.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const page = await (await fetch(service.url)).text();
    assert.match(page, /How is it now/);
    for (;;) {
      const found = await (await fetch(`${service.url}/search?q=%22Disconnected%22`)).text();
      if (!/still being indexed/.test(found)) break;
    }
    const csv = await (await fetch(`${service.url}/search.csv`)).text();
    assert.equal(csv.trimEnd().split('\r\n').length, sampleSessions().length + 1);
  });

  it('answers nobody who calls it by another name', async (t) => {
    const service = await serve(await options(t));
    t.after(() => service.close());
    const status = await new Promise((resolve, reject) => {
      request(service.url, { headers: { Host: 'evil.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 421);
  });

  it('is never open to others without accounts and encryption', async (t) => {
    const given = await options(t);
    await refuses({ ...given, listen: '0.0.0.0:0' }, /others could read all sessions there/);
    await refuses({ ...given, publicUrl: 'https://imapwhy.example.org' }, /no account is in/);
    await addUser('ola', { role: 'admin', accounts: given.accounts }, PASSWORD);
    await refuses({ ...given, listen: '0.0.0.0:0' }, /passwords would cross the network readable/);
    await refuses({ ...given, publicUrl: 'http://imapwhy.example.org' }, /must begin with https/);
    writeFileSync(`${given.store}.pem`, 'not read before it listens');
    const tls = { tlsCert: `${given.store}.pem`, tlsKey: `${given.store}.pem` };
    await refuses({ ...given, ...tls, listen: '0.0.0.0:0' }, /must call it by one name/);
    const service = await serve({ ...given, publicUrl: 'https://imapwhy.example.org' });
    await service.close();
  });

  it('says what is wrong with what it was given', async (t) => {
    const given = await options(t);
    await refuses({ ...given, listen: 'here' }, /give an address and a port/);
    await refuses({ ...given, listen: '127.0.0.1:99999' }, /give an address and a port/);
    await refuses({ ...given, listen: '203.0.113.1:8180', tlsCert: 'x' }, /belong together/);
    await refuses({ ...given, tlsCert: '/nowhere/cert', tlsKey: '/nowhere/key' }, /\/nowhere\/cert: cannot be read/);
    await refuses({ ...given, store: '/nowhere/imapwhy.db' }, /no such store/);
    await refuses({ ...given, tz: 'Mars/Olympus' }, /unknown zone/);
    await refuses({ ...given, publicUrl: 'https://x.example/path' }, /scheme and name only/);
    writeFileSync(given.accounts, '{"accounts": [{"name": "x"}]}');
    await refuses(given, /no file of accounts/);
    const first = await serve({ ...given, accounts: join(given.accounts, '..', 'none.json') });
    t.after(() => first.close());
    await refuses(
      { ...given, accounts: join(given.accounts, '..', 'none.json'), listen: new URL(first.url).host },
      /cannot listen there \(EADDRINUSE\)/,
    );
  });
});

describe('imapwhy user', () => {
  it('keeps passwords as hashes, in a file that only its owner reads', async (t) => {
    const { accounts } = await options(t);
    await addUser('ola', { role: 'reviewer', accounts }, PASSWORD);
    await addUser('ola@example.org', { role: 'viewer', accounts }, `${PASSWORD}2`);
    await addUser('ola', { role: 'admin', accounts }, `${PASSWORD}3`);
    assert.equal(statSync(accounts).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(accounts, 'utf8'), /horse/);
    const all = await readAccounts(accounts);
    assert.deepEqual(
      all.map((a) => `${a.name} ${a.role}`),
      ['ola@example.org viewer', 'ola admin'],
    );
    const ola = all.find((a) => a.name === 'ola')?.password;
    assert.equal(await isPassword(`${PASSWORD}3`, ola), true);
    assert.equal(await isPassword(PASSWORD, ola), false);
    assert.equal(await isPassword(PASSWORD, undefined), false);
  });

  it('refuses short passwords, names with other characters and unknown roles', async (t) => {
    const { accounts } = await options(t);
    await assert.rejects(addUser('ola', { role: 'admin', accounts }, 'short'), /12 to 1000 are needed/);
    for (const name of ['', 'two words', '<b>', '../x', 'a\nb'])
      await assert.rejects(addUser(name, { role: 'admin', accounts }, PASSWORD), /no name for an account/, name);
    await assert.rejects(addUser('ola', { role: 'root', accounts }, PASSWORD), /one of viewer, reviewer, admin/);
  });
});
