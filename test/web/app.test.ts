import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { makeReport } from '../../cli/report/make-report.ts';
import { readQueue } from '../../cli/waf/read-queue.ts';
import { openStore, type Store } from '../../outputs/sqlite.ts';
import { SummaryBuilder } from '../../reports/summary.ts';
import { type Access, createApp } from '../../web/app.ts';
import { createDesk } from '../../web/desk.ts';
import { hashPassword } from '../../web/password.ts';
import { storedSessions } from '../../web/sessions.ts';
import type { Account } from '../../web/sign-in.ts';
import { batchOf } from '../contract/output.ts';
import { sampleIncidents } from '../incidents.ts';
import { wafEvent } from '../models/waf/world.ts';
import { temporaryFolder } from '../outputs/small-disk.ts';
import { hostileSession, packetLossSession, sampleSessions } from '../profiles.ts';

const HOST = 'localhost:8180';
const NOW = Date.UTC(2026, 2, 18, 12);
const lossy = packetLossSession().profile;
const LOSSY = `/session/${lossy.imapwhy.session.id}`;
const PASSWORD = 'correct horse battery';
/** The full cost would be a third of a second a try. */
const kept = hashPassword(PASSWORD, { N: 2 ** 10, r: 8, p: 1 });

const EVIL = '"><script>alert(1)</script>';
const BLOCKS = Array.from({ length: 3 }, (_, i) =>
  wafEvent({
    id: `block-${i}`,
    client: `203.0.113.${i}`,
    path: '/oauth2/token',
    rules: [{ id: '3003', variable: 'ARGS:refresh_token', value: `eyJ${EVIL}`, matched: EVIL, blocking: true }],
  }),
);

interface Site {
  readonly store: Store;
  readonly errors: unknown[];
  clock: number;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
}

async function site(t: TestContext, access: Partial<Access> = {}, sessions = sampleSessions()): Promise<Site> {
  const store = openStore(join(temporaryFolder(t), 'imapwhy.db'));
  await store.write(
    batchOf({
      profiles: sessions.map((s) => s.profile),
      events: [...sessions.flatMap((s) => s.events), ...BLOCKS],
      incidents: sampleIncidents(),
    }),
  );
  while (store.indexLines(1000) > 0);
  t.after(() => store.close());
  const errors: unknown[] = [];
  const it: Site = {
    store,
    errors,
    clock: NOW,
    get: async (path, headers = {}) => app.request(path, { headers: { Host: HOST, ...headers } }),
    post: async (path, form, headers = {}) =>
      app.request(path, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: {
          Host: HOST,
          Origin: `http://${HOST}`,
          'Content-Type': 'application/x-www-form-urlencoded',
          ...headers,
        },
      }),
  };
  const app = createApp({
    desk: createDesk({
      sessions: storedSessions(store),
      drawer: store.desk,
      waf: { queue: () => readQueue(store, {}, it.clock), decide: (d) => store.waf.decide(d) },
      report: (week) => makeReport(store, week === undefined ? {} : { week }, it.clock),
      clock: () => it.clock,
      outlook: () => undefined,
    }),
    access: { account: undefined, hosts: [HOST], isSecure: false, ...access },
    zone: 'Europe/Warsaw',
    clock: () => it.clock,
    onError: (error) => errors.push(error),
    addressOf: () => '198.51.100.9',
  });
  return it;
}

const text = async (response: Response): Promise<string> => response.text();

describe('pages', () => {
  it('are whole, in both languages, and ask for nothing from elsewhere', async (t) => {
    const { get, store, errors } = await site(t);
    const [incident] = [...store.incidents()];
    const paths = [
      '/',
      '/?hours=168',
      '/search',
      '/waf',
      '/report',
      '/report?week=2026-W12',
      '/audit',
      '/search?q=is%3Afailed',
      LOSSY,
      `/incident/${incident?.imapwhy.incident.id}`,
      '/sign-in',
    ];
    for (const path of paths)
      for (const [language, word] of [
        ['en', 'Search'],
        ['zh-CN,zh;q=0.9', '搜索'],
      ] as const) {
        const response = await get(path, { 'Accept-Language': language });
        const page = await text(response);
        assert.equal(response.status, 200, path);
        assert.ok(page.includes(word), `${path} ${language}`);
        assert.ok(page.endsWith('</html>\n'), path);
        assert.doesNotMatch(
          page,
          /<script(?! type="module" src="\/page\.js")|\son[a-z]+=|style=|undefined|\[object/,
          path,
        );
        assert.doesNotMatch(page, /(?:src|<link[^>]* href)="(?!\/)/, path);
        const policy = response.headers.get('Content-Security-Policy') ?? '';
        assert.match(policy, /default-src 'none'/);
        assert.doesNotMatch(policy, /unsafe/);
      }
    assert.deepEqual(errors, []);
  });

  it('say the figures of the stored sessions', async (t) => {
    const { get } = await site(t);
    const summary = new SummaryBuilder();
    for (const s of sampleSessions()) summary.add(s.profile);
    const { causes } = summary.build();
    const page = await text(await get('/?hours=168'));
    for (const row of causes.filter((c) => c.kind === 'cause' && c.failed > 0))
      assert.ok(page.includes(`q=cause%3A${row.label}`), row.label);
  });

  it('show a session with its lines, evidence and neighbours', async (t) => {
    const page = await text(await (await site(t)).get(LOSSY));
    for (const e of lossy.imapwhy.cause.evidence.slice(0, 3)) assert.ok(page.includes(e.name), e.name);
    assert.match(page, /comes out as \d\.\d+; the profile says/);
    assert.match(page, /<svg class="chart"/);
  });

  it('do not let a log speak HTML', async (t) => {
    const hostile = hostileSession();
    const { get } = await site(t, {}, [hostile]);
    for (const path of [
      '/?hours=168',
      '/search',
      `/session/${encodeURIComponent(hostile.profile.imapwhy.session.id)}`,
    ]) {
      const page = await text(await get(path));
      assert.doesNotMatch(page, /<script>|<img|<b>|onerror=(?!&quot;)["']/i, path);
    }
    const question = '"><script>alert(1)</script>';
    const page = await text(await get(`/search?q=${encodeURIComponent(question)}`));
    assert.doesNotMatch(page, /<script>alert/);
  });

  it('say when there is nothing', async (t) => {
    const { get } = await site(t, {}, []);
    assert.match(await text(await get('/')), /The store is empty/);
    assert.match(await text(await get('/search')), /No session matches/);
    assert.equal((await get('/session/none')).status, 404);
    assert.equal((await get('/incident/none')).status, 404);
    assert.equal((await get('/nothing/here')).status, 404);
  });

  it('tell what was not understood in a query, and search for the rest', async (t) => {
    const page = await text(await (await site(t)).get('/search?q=usr%3Aanna+since%3Asoon+outcome%3Aok'));
    assert.match(page, /There is no field usr/);
    assert.match(page, /since:soon is no time/);
    assert.match(page, /ended as it should/);
  });
});

describe('export', () => {
  it('gives all that match, as CSV without formulas and as NDJSON', async (t) => {
    const { get } = await site(t);
    const csv = await text(await get('/search.csv?q='));
    const lines = csv.trimEnd().split('\r\n');
    assert.equal(lines[0]?.startsWith('id,start,end,user'), true);
    assert.doesNotMatch(csv, /(?:^|,)"?[=+@]/m);
    const documents = (await text(await get('/search.ndjson?q=')))
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l));
    assert.equal(documents.length, sampleSessions().length);
  });
});

describe('what people write', () => {
  it('is kept with name and time, and leaves a trail', async (t) => {
    const { post, get, store } = await site(t);
    const said = await post(`${LOSSY}/feedback`, {
      label: 'security.rate_limit',
      by: 'Ola',
      note: 'the <b>new</b> router',
    });
    assert.equal(said.status, 302);
    assert.equal(store.profile(lossy.imapwhy.session.id)?.imapwhy.cause.label, 'security.rate_limit');
    assert.match(await text(await get(LOSSY)), /Said by <bdi>|Said by Ola/);
    const [incident] = [...store.incidents()];
    const id = incident?.imapwhy.incident.id ?? '';
    assert.equal((await post(`/incident/${id}/notes`, { by: 'Ola', text: 'called the provider' })).status, 302);
    assert.match(await text(await get(`/incident/${id}`)), /called the provider/);
    await post('/searches', { name: 'mine', q: 'is:failed', by: 'Ola' });
    assert.match(await text(await get('/search')), /mine/);
    await post('/searches/remove', { name: 'mine' });
    assert.doesNotMatch(await text(await get('/search')), /mine/);
    await post(`${LOSSY}/feedback`, { label: '', by: 'Ola' });
    assert.equal(store.profile(lossy.imapwhy.session.id)?.imapwhy.cause.label, lossy.imapwhy.cause.label);
    assert.match(await text(await get('/audit')), /<td>search removed<\/td>|search removed/);
    assert.deepEqual(
      store.desk.auditTrail(10).map((a) => `${a.by} ${a.action}`),
      ['Ola feedback', 'local search removed', 'Ola search saved', 'Ola note', 'Ola feedback'],
    );
  });

  it('is refused without a name, for what is not there, and for labels that are none', async (t) => {
    const { post, store } = await site(t);
    for (const [path, form] of [
      [`${LOSSY}/feedback`, { label: 'network.packet_loss', by: ' ' }],
      [`${LOSSY}/feedback`, { label: '__proto__', by: 'Ola' }],
      ['/session/none/feedback', { label: 'none', by: 'Ola' }],
      ['/incident/none/notes', { text: 'x', by: 'Ola' }],
      ['/searches', { name: '', q: 'x', by: 'Ola' }],
      ['/searches', { name: 'x'.repeat(81), q: 'x', by: 'Ola' }],
    ] as const)
      assert.equal((await post(path, form)).status, 400, path);
    assert.deepEqual(store.desk.auditTrail(10), []);
    assert.equal((await post('/searches', { name: 'x', q: 'y'.repeat(100_000), by: 'Ola' })).status, 413);
  });
});

describe('the review', () => {
  const placeOf = async (s: Site): Promise<string> =>
    /\/waf\/[0-9a-f]{10}/.exec(await text(await s.get('/waf')))?.[0] ?? assert.fail('no place');

  it('shows what was blocked with the matched part marked, and keeps a decision', async (t) => {
    const s = await site(t);
    const place = await placeOf(s);
    const page = await text(await s.get(place));
    assert.ok(page.includes('<mark>&quot;&gt;&lt;script&gt;'), page);
    assert.doesNotMatch(page, /<script>alert/);
    const form = { decision: 'accept', expires: '2026-06-01', note: 'tokens are long', by: 'Ola' };
    assert.equal((await s.post(`${place}/decision`, form)).status, 302);
    const [decision] = s.store.waf.decisions();
    assert.equal(decision?.expires, '2026-05-31T22:00:00.000Z'); // the day begins in Warsaw
    assert.equal(decision?.scope, 'target');
    assert.match(await text(await s.get(place)), /false positive: Said by Ola/);
    assert.match(await text(await s.get('/waf', { 'Accept-Language': 'zh' })), /误报/);
  });

  it('refuses what is no decision, no day and no place', async (t) => {
    const s = await site(t);
    const place = await placeOf(s);
    for (const form of [{ decision: 'yes' }, { decision: 'accept', expires: 'soon' }, { decision: 'attack', by: '' }])
      assert.equal((await s.post(`${place}/decision`, { by: 'Ola', ...form })).status, 400);
    assert.equal((await s.post('/waf/0000000000/decision', { by: 'Ola', decision: 'accept' })).status, 400);
    assert.equal((await s.get('/waf/0000000000')).status, 404);
    assert.deepEqual(s.store.waf.decisions(), []);
  });
});

describe('who may come in', () => {
  const accounts: readonly Omit<Account, 'password'>[] = [
    { name: 'ola', role: 'reviewer' },
    { name: 'vera', role: 'viewer' },
  ];
  const guarded: Partial<Access> = {
    account: async (name) => {
      const found = accounts.find((a) => a.name === name);
      return found && { ...found, password: await kept };
    },
  };
  const cookieOf = (response: Response): string => (response.headers.get('Set-Cookie') ?? '').split(';', 1)[0] ?? '';

  it('is nobody without an account, and who signs in comes back to where he wanted', async (t) => {
    const s = await site(t, guarded);
    const away = await s.get(`${LOSSY}?x=1`);
    assert.equal(away.status, 302);
    assert.equal(away.headers.get('Location'), `/sign-in?to=${encodeURIComponent(`${LOSSY}?x=1`)}`);
    assert.equal((await s.post(`${LOSSY}/feedback`, { label: 'none' })).status, 403);
    assert.equal((await s.get('/search.ndjson')).status, 302);
    const wrong = await s.post('/sign-in', { name: 'ola', password: 'guess', to: LOSSY });
    assert.equal(wrong.status, 401);
    assert.equal(wrong.headers.get('Set-Cookie'), null);
    const right = await s.post('/sign-in', { name: 'ola', password: PASSWORD, to: LOSSY });
    assert.equal(right.headers.get('Location'), LOSSY);
    assert.match(right.headers.get('Set-Cookie') ?? '', /HttpOnly; SameSite=Lax/);
    const Cookie = cookieOf(right);
    assert.equal((await s.get(LOSSY, { Cookie })).status, 200);
    assert.equal((await s.post(`${LOSSY}/feedback`, { label: 'none', by: 'somebody else' }, { Cookie })).status, 302);
    assert.deepEqual(s.store.desk.auditTrail(1)[0]?.by, 'ola');
    assert.equal((await s.post('/sign-out', {}, { Cookie })).status, 302);
    assert.equal((await s.get(LOSSY, { Cookie })).status, 302);
  });

  it('may only read as a viewer', async (t) => {
    const s = await site(t, guarded);
    const Cookie = cookieOf(await s.post('/sign-in', { name: 'vera', password: PASSWORD, to: '/' }));
    assert.doesNotMatch(await text(await s.get(LOSSY, { Cookie })), /Is this right/);
    assert.equal((await s.get('/audit', { Cookie })).status, 403);
    assert.equal((await s.post(`${LOSSY}/feedback`, { label: 'none' }, { Cookie })).status, 403);
  });

  it('is signed out after eight idle hours', async (t) => {
    const s = await site(t, guarded);
    const Cookie = cookieOf(await s.post('/sign-in', { name: 'ola', password: PASSWORD, to: '/' }));
    s.clock += 7 * 3_600_000;
    assert.equal((await s.get('/', { Cookie })).status, 200);
    s.clock += 9 * 3_600_000;
    assert.equal((await s.get('/', { Cookie })).status, 302);
  });

  it('is what the account is now: another role counts at once, a new password or no account ends it', async (t) => {
    let account: Account | undefined = { name: 'ola', role: 'reviewer', password: await kept };
    const s = await site(t, { account: async () => account });
    const signIn = async () => cookieOf(await s.post('/sign-in', { name: 'ola', password: PASSWORD, to: '/' }));
    const feedback = (Cookie: string) => s.post(`${LOSSY}/feedback`, { label: 'none' }, { Cookie });
    const Cookie = await signIn();
    account = { ...account, role: 'viewer' };
    assert.equal((await s.get('/', { Cookie })).status, 200);
    assert.equal((await feedback(Cookie)).status, 403);
    account = { ...account, password: `${account.password}0` };
    assert.equal((await s.get('/', { Cookie })).status, 302);
    account = { ...account, password: await kept };
    const again = await signIn();
    account = undefined;
    assert.equal((await s.get('/', { Cookie: again })).status, 302);
  });

  it('must wait after wrong passwords, also with the right one', async (t) => {
    const s = await site(t, guarded);
    const tries = await Promise.all(
      Array.from({ length: 8 }, () => s.post('/sign-in', { name: 'ola', password: 'guess', to: '/' })),
    );
    assert.deepEqual(tries.map((r) => r.status).sort(), [401, 401, 401, 401, 401, 429, 429, 429]);
    assert.equal((await s.post('/sign-in', { name: 'ola', password: PASSWORD, to: '/' })).status, 429);
    s.clock += 16 * 60_000;
    assert.equal((await s.post('/sign-in', { name: 'ola', password: PASSWORD, to: '/' })).status, 302);
  });

  it('is not led elsewhere', async (t) => {
    const s = await site(t, guarded);
    for (const to of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'javascript:alert(1)',
      '',
    ])
      assert.equal(
        (await s.post('/sign-in', { name: 'vera', password: PASSWORD, to })).headers.get('Location'),
        '/',
        to,
      );
    assert.equal((await s.get('/language/zh?to=//evil.example')).headers.get('Location'), '/');
    const set = (await s.get('/language/zh?to=%2Fsign-in')).headers.get('Set-Cookie') ?? '';
    assert.match(set, /^imapwhy-language=zh/);
  });
});

describe('sign-in elsewhere', () => {
  const state = 'state-1';
  const access: Partial<Access> = {
    account: async (name) => (name === 'ola' ? { name, role: 'reviewer' } : undefined),
    singleSignOn: {
      begin: async (to, at) => ({
        url: 'https://login.example.org/auth',
        begun: { state, nonce: 'n', verifier: 'v', to, at },
      }),
      complete: async (path) => {
        if (path.includes('error')) throw new Error('denied');
        return new URL(path, 'https://x').searchParams.get('code') ?? undefined;
      },
    },
  };
  const begin = async (s: Site): Promise<string> => {
    const away = await s.get('/sign-in/elsewhere?to=%2Fsearch');
    assert.equal(away.headers.get('Location'), 'https://login.example.org/auth');
    return (away.headers.get('Set-Cookie') ?? '').split(';', 1)[0] ?? '';
  };

  it('lets in who has an account, as the role that it has here', async (t) => {
    const s = await site(t, access);
    assert.match(await text(await s.get('/sign-in')), /Sign in with your organisation/);
    const back = await s.get(`/sign-in/return?state=${state}&code=ola`, { Cookie: await begin(s) });
    assert.equal(back.headers.get('Location'), '/search');
    const Cookie =
      back.headers
        .getSetCookie()
        .find((c) => c.startsWith('imapwhy='))
        ?.split(';', 1)[0] ?? '';
    assert.equal((await s.get('/search', { Cookie })).status, 200);
    assert.equal((await s.post('/sign-in', { name: 'ola', password: '', to: '/' })).status, 401, 'it has no password');
  });

  it('refuses everybody else', async (t) => {
    const s = await site(t, access);
    const stranger = await s.get(`/sign-in/return?state=${state}&code=eve`, { Cookie: await begin(s) });
    assert.equal(stranger.status, 403);
    assert.match(await text(stranger), /eve has no account here/);
    assert.equal((await s.get(`/sign-in/return?state=${state}&error=x`, { Cookie: await begin(s) })).status, 401);
    await begin(s);
    assert.equal((await s.get(`/sign-in/return?state=${state}&code=ola`)).status, 400, 'a link from somebody else');
    const Cookie = await begin(s);
    assert.equal((await s.get('/sign-in/return?state=other&code=ola', { Cookie })).status, 400);
    const plain = await site(t, { account: access.account });
    assert.equal((await plain.get('/sign-in/elsewhere')).status, 404);
  });
});

describe('other pages in the same browser', () => {
  it('cannot send forms', async (t) => {
    const { post, store } = await site(t);
    const form = { label: 'none', by: 'Eve' };
    for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { Origin: `https://${HOST}` }])
      assert.equal((await post(`${LOSSY}/feedback`, form, headers)).status, 403, headers.Origin);
    assert.deepEqual(store.statements(), []);
  });

  it('cannot read by a name that leads here', async (t) => {
    const { get } = await site(t);
    for (const Host of ['evil.example', 'evil.example:8180', 'localhost', ''])
      assert.equal((await get('/', { Host })).status, 421, Host);
  });

  it('get cookies only over https where there is https', async (t) => {
    const s = await site(t, {
      isSecure: true,
      account: async () => ({ name: 'ola', role: 'admin', password: await kept }),
    });
    const response = await s.post(
      '/sign-in',
      { name: 'ola', password: PASSWORD, to: '/' },
      { Origin: `https://${HOST}` },
    );
    assert.match(response.headers.get('Set-Cookie') ?? '', /^__Host-imapwhy=.*Secure/);
    assert.match(response.headers.get('Strict-Transport-Security') ?? '', /max-age/);
  });
});
