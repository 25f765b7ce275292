/** Sign-in by another server: a real provider (oidc-provider, certified OpenID Connect), in this process on the loopback interface. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import Provider from 'oidc-provider';
import { openId, RETURN_PATH } from '../../cli/open-id.ts';
import { UseError } from '../../cli/use-error.ts';
import { BegunSignIns } from '../../web/single-sign-on.ts';

const PUBLIC_URL = 'https://imapwhy.example.org';
const SECRET = 'a secret of the client';

async function provider(t: TestContext): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.mock.method(console, 'warn', () => {}); // it warns of its own development pages, which log in anybody
  const oidc = new Provider(issuer, {
    clients: [{ client_id: 'imapwhy', client_secret: SECRET, redirect_uris: [`${PUBLIC_URL}${RETURN_PATH}`] }],
    claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.org`, email_verified: id === 'ola' }),
    }),
    cookies: { keys: ['a key of the test'] },
  });
  server.on('request', oidc.callback());
  return issuer;
}

/** What a person's browser does there: follows, logs in, agrees; up to where it is sent back to us. */
async function signInThere(url: string, login: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let next = url;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 12; step++) {
    const response = await fetch(next, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
      cookies.set(name, value);
    }
    const location = response.headers.get('Location');
    if (location !== null) {
      const to = new URL(location, next);
      if (to.origin === PUBLIC_URL) return to;
      next = to.href;
      form = undefined;
      continue;
    }
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1] ?? assert.fail(page);
    form = new URLSearchParams({ prompt, ...(prompt === 'login' && { login, password: 'anything' }) });
    next = new URL(/action="([^"]+)"/.exec(page)?.[1] ?? '', next).href;
  }
  return assert.fail('it goes round in circles');
}

const pathOf = (url: URL): string => `${url.pathname}${url.search}`;

describe('sign-in by OpenID Connect', () => {
  it('gives the name that the provider proves, and the page that was wanted', async (t) => {
    const options = { issuer: await provider(t), clientId: 'imapwhy', secret: SECRET, publicUrl: PUBLIC_URL };
    const names = await openId({ ...options, claim: 'preferred_username' });
    const { url, begun } = await names.begin('/search?q=x', 1000);
    assert.equal(begun.to, '/search?q=x');
    assert.match(url, /code_challenge_method=S256/);
    const back = await signInThere(url, 'ola');
    assert.equal(await names.complete(pathOf(back), begun), 'ola');
    await assert.rejects(names.complete(pathOf(back), begun), 'a code counts once');
  });

  it('takes no address that nobody has proved to own', async (t) => {
    const options = { issuer: await provider(t), clientId: 'imapwhy', secret: SECRET, publicUrl: PUBLIC_URL };
    const emails = await openId({ ...options, claim: 'email' });
    for (const [login, name] of [
      ['ola', 'ola@example.org'],
      ['eve', undefined],
    ] as const) {
      const { url, begun } = await emails.begin('/', 1000);
      assert.equal(await emails.complete(pathOf(await signInThere(url, login)), begun), name);
    }
  });

  it('refuses the answer to another question', async (t) => {
    const options = { issuer: await provider(t), clientId: 'imapwhy', secret: SECRET, publicUrl: PUBLIC_URL };
    const names = await openId({ ...options, claim: 'preferred_username' });
    const mine = await names.begin('/', 1000);
    const theirs = await names.begin('/', 1000);
    const back = pathOf(await signInThere(theirs.url, 'eve'));
    await assert.rejects(names.complete(back, mine.begun));
    await assert.rejects(names.complete(back, { ...theirs.begun, verifier: mine.begun.verifier }));
    await assert.rejects(names.complete(`${RETURN_PATH}?error=access_denied&state=${mine.begun.state}`, mine.begun));
  });

  it('says what is wrong with an issuer', async (t) => {
    const issuer = await provider(t);
    const options = { clientId: 'imapwhy', secret: SECRET, publicUrl: PUBLIC_URL, claim: 'sub' };
    for (const wrong of ['here', `${issuer}/elsewhere`, 'http://127.0.0.1:1', 'http://login.invalid'])
      await assert.rejects(openId({ ...options, issuer: wrong }), UseError, wrong);
  });
});

describe('sign-ins under way', () => {
  it('count once, for ten minutes, and are not more than can be held', () => {
    const held = new BegunSignIns();
    const begun = (state: string, at: number) => ({ state, nonce: 'n', verifier: 'v', to: '/', at });
    held.add(begun('a', 0));
    held.add(begun('b', 0));
    assert.equal(held.take('a', 600_000)?.state, 'a');
    assert.equal(held.take('a', 1), undefined);
    assert.equal(held.take('b', 600_001), undefined);
    for (let i = 0; i <= 10_000; i++) held.add(begun(String(i), 0));
    assert.equal(held.take('0', 0), undefined);
    assert.equal(held.take('1', 0)?.state, '1');
  });
});
