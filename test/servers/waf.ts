/**
 * The WAF desk on a real nginx with ModSecurity and CRS (Debian's packages; --install lets apt install them): what is exported is valid and as narrow as it
 * says, whatever a path or a name holds; and two worlds are proven from their logs: the sample with the rules of docs/waf.md, and false positives of CRS at
 * paranoia level 2 that this test makes. Attacks are the CRS project's own tests, from the Go module proxy; without Go a handful written here.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { type Engine, startEngine } from '../../cli/waf/engine.ts';
import { type EngineOptions, findEngine, writeEngine } from '../../cli/waf/engine-files.ts';
import { sendMessages } from '../../cli/waf/send-messages.ts';
import { type Exclusion, type WafEngine, writeExclusions } from '../../models/waf/exclusion.ts';
import { type HttpMessage, plainMessage, withHeader } from '../../models/waf/http-message.ts';
import { plant } from '../../models/waf/plant.ts';
import { rulesOf, type WafProof } from '../../models/waf/proof.ts';
import { healthySession } from '../cli/lines.ts';
import { command, exists, succeed } from './command.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const repository = join(import.meta.dirname, '..', '..');
const siteRules = join(repository, 'docs', 'waf', 'site-rules.conf');
const PACKAGES = ['nginx-light', 'libnginx-mod-http-modsecurity', 'modsecurity-crs'];
const CORPUS = 'github.com/corazawaf/coraza-coreruleset/v4@v4.25.0';

let missing = '';

before(async () => {
  if (process.env.IMAPWHY_INSTALL === '1' && (await exists('apt-get')))
    await succeed('apt-get', ['install', '--yes', '--no-install-recommends', ...PACKAGES], { cwd: '/' });
  try {
    await findEngine({ rules: [], paranoia: 1 });
  } catch (error) {
    missing = error instanceof Error ? error.message : String(error);
  }
});

/** Skips where there is no engine. */
const engineTest = (name: string, run: (t: TestContext) => Promise<void>): void =>
  void test(name, async (t) => {
    if (missing !== '') t.skip(missing);
    else await run(t);
  });

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-waf-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function withEngine<T>(
  options: Partial<EngineOptions>,
  exclusions: { readonly before: string; readonly after: string },
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await startEngine(await findEngine({ rules: [], paranoia: 1, ...options }), exclusions);
  try {
    return await work(engine);
  } finally {
    await engine.stop();
  }
}

const NONE = { before: '', after: '' };
const OPTIONS = { engine: 'modsecurity3', firstId: 97_000, title: 'a test' } as const;
const exclusionOf = (rule: string, path: string, target: string, more: Partial<Exclusion> = {}): Exclusion => ({
  place: { rule, path, target },
  scope: 'target',
  methods: ['POST'],
  expires: null,
  remarks: [],
  ...more,
});
const planted = (method: string, path: string, target: string, value: string): HttpMessage =>
  plant(plainMessage(method, path), target, value) ?? assert.fail(`${target} cannot be planted`);

const LONG_TOKEN = `${'Ab9_'.repeat(40)}-${'xY7z'.repeat(20)}`;
const XOAUTH2 = 'user=anna@example.org\u0001auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\u0001\u0001';

describe('the rules of the worked example', () => {
  engineTest('3001 denies, 3002 only notes, 3003 and 3004 take tokens for attacks', async () => {
    const login = plainMessage('POST', '/?action=login');
    const outlook = withHeader(plainMessage('GET', '/autodiscover'), 'User-Agent', 'Microsoft Outlook 14.0.7268; Pro');
    const messages = [
      login,
      plainMessage('GET', '/?action=login'),
      outlook,
      planted('POST', '/oauth2/token', 'ARGS:refresh_token', LONG_TOKEN),
      planted('POST', '/sasl', 'ARGS:response', XOAUTH2),
      planted('POST', '/sasl', 'ARGS:response', Buffer.from(XOAUTH2).toString('base64')),
    ];
    const verdicts = await withEngine({ rules: [siteRules] }, NONE, (e) => e.judge(messages));
    assert.deepEqual(
      verdicts.map((v) => [v?.blocked, ...(v === undefined ? [] : rulesOf(v))]),
      [
        [true, '3001 QUERY_STRING'],
        [false],
        [false, '3002 REQUEST_HEADERS:User-Agent'],
        [true, '3003 ARGS:refresh_token'],
        [true, '3004 ARGS:response'],
        [true, '3004 ARGS:response'],
      ],
    );
  });
});

describe('an exclusion', () => {
  engineTest('frees its rule, target and path, and nothing beside them; after its end nothing', async () => {
    const soon = Date.now() + 3_600_000;
    const files = writeExclusions(
      [
        exclusionOf('3003', '/oauth2/token', 'ARGS:refresh_token', { expires: soon }),
        exclusionOf('3003', '/over', 'ARGS:refresh_token', { expires: Date.now() - 1000 }),
        exclusionOf('3001', '/', 'QUERY_STRING', { scope: 'path' }),
        exclusionOf('3004', '', 'ARGS:response', { scope: 'target-everywhere' }),
      ],
      OPTIONS,
    );
    assert.deepEqual(files.left_out, []);
    const token = (path: string, name: string) => planted('POST', path, `ARGS:${name}`, LONG_TOKEN);
    const verdicts = await withEngine({ rules: [siteRules] }, files, (e) =>
      e.judge([
        token('/oauth2/token', 'refresh_token'),
        token('/oauth2/token', 'other'),
        token('/oauth2/token2', 'refresh_token'),
        token('/over', 'refresh_token'),
        planted('POST', '/oauth2/token', 'ARGS:refresh_token', "1' OR 1=1-- -"),
        plainMessage('POST', '/?action=login'),
        plainMessage('POST', '/index?action=login'),
        planted('POST', '/anywhere', 'ARGS:response', XOAUTH2),
        planted('POST', '/anywhere', 'ARGS:other', XOAUTH2),
      ]),
    );
    assert.deepEqual(
      verdicts.map((v) => v?.blocked),
      [false, true, true, true, true, false, true, false, true],
    );
  });

  engineTest('of any path is valid and exact, whatever the path holds', async () => {
    const paths = [
      ...[
        '/a%20b',
        '/a%22b',
        "/a'b",
        '/a%0Ab',
        '/a%0D%0ASecRuleEngine%20Off',
        '/%25%7bREQUEST_URI%7d',
        '/.*',
        '/(a+)+$',
        '/a%5c',
      ],
      ...[
        '/%C3%BC',
        '/a|b',
        '/a%23b',
        '/a;b,c',
        '/a%60id%60',
        '/$%7Bx%7D',
        '/a%00b',
        '/^a$',
        '/a%5Cx41',
        '/[a]',
        '/~a.b-c_d',
      ],
    ];
    const files = writeExclusions(
      paths.map((path) =>
        exclusionOf('3003', path, 'ARGS:t', { remarks: [`${decodeURIComponent(path)}\nSecRuleEngine Off\\`] }),
      ),
      OPTIONS,
    );
    assert.equal(files.rules, paths.length);
    const verdicts = await withEngine({ rules: [siteRules], crs: 'none' }, files, (e) =>
      e.judge([
        ...paths.map((path) => planted('POST', path, 'ARGS:t', LONG_TOKEN)),
        ...paths.map((path) => planted('POST', `${path}x`, 'ARGS:t', LONG_TOKEN)),
        ...paths.map((path) => planted('POST', `${path}%0A`, 'ARGS:t', LONG_TOKEN)),
      ]),
    );
    const shown = verdicts.map((v) => v?.blocked);
    const refused = paths.filter((_, i) => shown[i] === undefined); // nginx itself refuses NUL
    assert.deepEqual(refused, ['/a%00b']);
    for (const [i, path] of paths.entries()) {
      if (refused.includes(path)) continue;
      assert.equal(shown[i], false, `${path} is freed`);
      assert.equal(shown[i + paths.length], true, `${path}x is not`);
      assert.equal(shown[i + 2 * paths.length], true, `${path} and a line feed is not`);
    }
  });
});

/** The same exclusions and requests for the two other engines: what is freed, and what beside it is not. */
const elsewhereWritten = (engine: WafEngine) =>
  writeExclusions(
    [
      exclusionOf('3003', '/oauth2/token', 'ARGS:refresh_token', { expires: Date.now() + 3_600_000 }),
      exclusionOf('3003', '/over', 'ARGS:refresh_token', { expires: Date.now() - 1000 }),
      exclusionOf('3001', '/', 'QUERY_STRING', { scope: 'path', remarks: ['a\\', 'b\nSecRuleEngine Off'] }),
      exclusionOf('3003', '/a%20b%22', 'ARGS:t'),
    ],
    { ...OPTIONS, engine },
  ).before;
const ELSEWHERE: readonly (readonly [method: string, uri: string, body: string, blocked: boolean])[] = [
  ['POST', '/oauth2/token', `refresh_token=${LONG_TOKEN}`, false],
  ['POST', '/oauth2/token', `other=${LONG_TOKEN}`, true],
  ['POST', '/oauth2/token2', `refresh_token=${LONG_TOKEN}`, true],
  ['POST', '/over', `refresh_token=${LONG_TOKEN}`, true],
  ['POST', '/?action=login', '', false],
  ['POST', '/index?action=login', '', true],
  ['POST', '/a%20b%22', `t=${LONG_TOKEN}`, false],
  ['POST', '/a%20b%22x', `t=${LONG_TOKEN}`, true],
];

describe('other engines load what is exported, and free the same', () => {
  test('Coraza', async (t) => {
    if (!(await exists('go'))) return t.skip('no Go to build Coraza with');
    const folder = await folderOf(t);
    const program = join(folder, 'coraza');
    const built = await command('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'coraza') });
    if (built.code !== 0 && /dial tcp|no such host|proxyconnect|i\/o timeout/.test(built.stderr))
      return t.skip('Coraza could not be fetched');
    assert.equal(built.code, 0, built.stderr);
    const before = join(folder, 'before.conf');
    await writeFile(before, elsewhereWritten('coraza'));
    const input = ELSEWHERE.map(([method, uri, body]) => `${JSON.stringify({ method, uri, body })}\n`).join('');
    const said = spawnSync(program, [before, siteRules], { input, encoding: 'utf8' });
    assert.equal(said.status, 0, said.stderr);
    assert.deepEqual(
      said.stdout.trim().split('\n'),
      ELSEWHERE.map(([, , , blocked]) => String(blocked)),
    );
  });

  test('ModSecurity 2, in Apache', async (t) => {
    const modules = '/usr/lib/apache2/modules';
    const missingModule = ['mod_security2.so', 'mod_unique_id.so', 'mod_mpm_event.so'].find(
      (m) => !existsSync(join(modules, m)),
    );
    if (missingModule !== undefined)
      return t.skip('no Apache with ModSecurity 2: apt-get install apache2-bin libapache2-mod-security2');
    const folder = await folderOf(t);
    await chmod(folder, 0o755);
    await mkdir(join(folder, 'www'));
    await writeFile(join(folder, 'before.conf'), elsewhereWritten('modsecurity2'));
    const port = await freePort();
    const load = ['mpm_event', 'authz_core', 'unique_id', 'security2'].map(
      (m) => `LoadModule ${m}_module ${modules}/mod_${m}.so`,
    );
    const rest = [
      ...[
        `ServerRoot ${folder}`,
        'ServerName localhost',
        `Listen 127.0.0.1:${port}`,
        `PidFile ${folder}/pid`,
        `ErrorLog ${folder}/error.log`,
      ],
      ...[
        'User nobody',
        'Group nogroup',
        `DocumentRoot ${folder}/www`,
        'SecRuleEngine On',
        'SecRequestBodyAccess On',
        `SecDataDir ${folder}`,
      ],
      ...[`Include ${folder}/before.conf`, `Include ${siteRules}`],
    ];
    await writeFile(join(folder, 'httpd.conf'), [...load, ...rest, ''].join('\n'));
    const child = spawn('/usr/sbin/apache2', ['-f', join(folder, 'httpd.conf'), '-DFOREGROUND'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      const url = `http://127.0.0.1:${port}`;
      await until('Apache answers', () =>
        fetch(url).then(
          () => true,
          () => false,
        ),
      );
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      for (const [method, uri, body, blocked] of ELSEWHERE)
        assert.equal((await fetch(`${url}${uri}`, { method, body, headers })).status === 403, blocked, uri);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
});

/** The CRS project's own tests (`kind`: of one folder), where Go can get them; else a few attacks in the same format. */
async function attacks(folder: string, kind = ''): Promise<string> {
  if (await exists('go')) {
    const fetched = await command('go', ['mod', 'download', '-json', CORPUS], { cwd: folder });
    const dir = fetched.code === 0 ? /"Dir": "([^"]+)"/.exec(fetched.stdout)?.[1] : undefined;
    if (dir !== undefined) return join(dir, 'tests', kind);
  }
  const own = join(folder, 'attacks');
  await mkdir(own);
  const values = [
    "1' OR 1=1-- -",
    '1 UNION SELECT user,password FROM users',
    '<script>alert(1)</script>',
    '../../../../etc/passwd',
    ';cat /etc/passwd',
  ];
  const tests = values.map(
    (v, i) =>
      `  - test_id: ${i + 1}\n    stages:\n      - input:\n          method: GET\n          headers: {Host: localhost, User-Agent: test, Accept: "*/*"}\n          uri: "/?var=${encodeURIComponent(v)}"\n        output:\n          log:\n            expect_ids: [942100]\n`,
  );
  await writeFile(join(own, '942100.yaml'), `rule_id: 942100\ntests:\n${tests.join('')}`);
  return own;
}

const proofIn = async (folder: string): Promise<WafProof> =>
  JSON.parse(await readFile(join(folder, 'waf-proof.json'), 'utf8'));

const run = (args: readonly string[]) =>
  command(process.execPath, [join(repository, 'cli', 'main.ts'), ...args], {
    cwd: repository,
    env: { IMAPWHY_KEY: 'a key for tests only', NO_COLOR: '1' },
  });

async function done(args: readonly string[]): Promise<string> {
  const finished = await run(args);
  assert.equal(finished.code, 0, `${args.join(' ')}: ${finished.stdout}${finished.stderr}`);
  return finished.stdout;
}

describe('imapwhy waf prove', () => {
  engineTest('the sample: everything that can be proven is freed, nothing else is let through', async (t) => {
    const folder = await folderOf(t);
    const store = join(folder, 'imapwhy.db');
    await done(['analyze', join(repository, 'samples', 'lab-a', 'logs'), '--out', folder, '--quiet']);
    const corpus = await attacks(folder);
    await done([
      'waf',
      'prove',
      '--proposed',
      '--attacks',
      corpus,
      '--rules',
      siteRules,
      '--planted',
      '100',
      '--store',
      store,
      '--quiet',
    ]);
    const proof = await proofIn(folder);
    t.diagnostic(
      `proven ${proof.proven} of ${proof.requests}, ${proof.look_alikes} by look-alikes; freed ${proof.freed}; newly let through elsewhere ${proof.elsewhere.newly_let_through.length} of ${proof.elsewhere.blocked_before}`,
    );
    assert.ok(proof.passed, proof.why.join('; '));
    assert.equal(proof.freed, proof.proven);
    assert.ok(proof.proven / proof.requests >= 0.9);
    assert.ok(proof.elsewhere.blocked_before >= 5);
    assert.deepEqual(proof.elsewhere.newly_let_through, []);
    assert.deepEqual(
      proof.places.map((p) => [p.rule, p.scope, p.proven.logged > 0, p.proven.look_alike > 0]),
      [
        ['3001', 'path', true, false], // a chain: the target of its second link cannot be excluded
        ['3003', 'target', false, true], // bodies are not in the log
      ],
    );
    const exported = await done(['waf', 'export', '--proposed', '--store', store]);
    assert.match(exported, /ctl:ruleRemoveTargetById=3003;ARGS:refresh_token/);
    assert.match(exported, /Proven \S+: freed 184 of 184 proven \(184 by look-alikes\)/);
    await withEngine({ rules: [siteRules] }, { before: exported, after: '' }, async (e) => {
      const [verdict] = await e.judge([plainMessage('POST', '/?action=login')]);
      assert.equal(verdict?.blocked, false);
    });
  });

  engineTest(
    'without the site’s own rules nothing can be proven: the export is blocked, unless forced and recorded',
    async (t) => {
      const folder = await folderOf(t);
      const store = join(folder, 'imapwhy.db');
      await done(['analyze', join(repository, 'samples', 'lab-a', 'logs'), '--out', folder, '--quiet']);
      const corpus = await attacks(folder, 'REQUEST-931-APPLICATION-ATTACK-RFI');
      const failed = await run([
        'waf',
        'prove',
        '--proposed',
        '--attacks',
        corpus,
        '--planted',
        '20',
        '--store',
        store,
        '--quiet',
      ]);
      assert.equal(failed.code, 1);
      assert.match(failed.stdout, /rule 3003 is not among the rules that were loaded/);
      const blocked = await run(['waf', 'export', '--proposed', '--store', store]);
      assert.equal(blocked.code, 1);
      assert.equal(blocked.stdout, '');
      assert.match(blocked.stderr, /the proof of \S+ failed, so nothing is exported/);
      const forced = await done(['waf', 'export', '--proposed', '--force', '--by', 'Ola', '--store', store]);
      assert.match(forced, /FORCED by Ola although the proof/);
    },
  );

  engineTest(
    'CRS at paranoia level 2: tokens with --, off-site redirects, raw XOAUTH2, and mail are found, proven and freed',
    async (t) => {
      const folder = await folderOf(t);
      const store = join(folder, 'imapwhy.db');
      const world = await paranoidWorld(folder);
      await done(['analyze', world.mail, world.audit, '--out', folder, '--quiet']);
      const corpus = await attacks(folder, 'REQUEST-942-APPLICATION-ATTACK-SQLI');
      const prove = [
        'waf',
        'prove',
        '--proposed',
        '--attacks',
        corpus,
        '--paranoia',
        '2',
        '--planted',
        '40',
        '--store',
        store,
        '--quiet',
      ];
      await done(prove);
      const alike = await proofIn(folder);
      const places = new Set(alike.places.map((p) => `${p.rule} ${p.path} ${p.target}`));
      for (const place of [
        '931130 /oauth2/authorize ARGS:redirect_uri',
        '920271 /sasl ARGS:response',
        '942440 /oauth2/token ARGS:refresh_token',
      ])
        assert.ok(places.has(place), `${place} is proposed; there are ${[...places].join(', ')}`);
      assert.ok([...places].some((p) => p.includes('/mail ARGS:_message')));
      assert.ok(![...places].some((p) => p.includes('/search')), 'attacks are not proposed');
      assert.ok(alike.passed, alike.why.join('; '));
      assert.ok(alike.proven / alike.requests >= 0.9, `${alike.proven} of ${alike.requests}`);
      assert.ok(alike.look_alikes > 0, 'tokens are not kept');
      assert.deepEqual(alike.elsewhere.newly_let_through, []);
      await done([...prove, '--audit', world.audit]);
      const original = await proofIn(folder);
      assert.equal(original.look_alikes, 0, 'the originals are at hand');
      assert.equal(original.proven, original.requests);
      assert.equal(original.freed, original.proven);
      t.diagnostic(
        `${original.places.length} places; given up ${original.places.reduce((n, p) => n + p.planted.residue, 0)} of ${original.places.reduce((n, p) => n + p.planted.blocked_before, 0)} attacks planted in them`,
      );
      const written = JSON.stringify(original) + (await readFile(join(folder, 'waf-proof.md'), 'utf8'));
      for (const secret of world.secrets) assert.ok(!written.includes(secret), 'a secret of the originals was stored');
    },
  );
});

interface World {
  readonly mail: string;
  readonly audit: string;
  readonly secrets: readonly string[];
}

/** Users who log in before and after, and whose tokens, redirects and mails a real engine at paranoia level 2 blocks; and a scanner. */
async function paranoidWorld(folder: string): Promise<World> {
  const logs = join(folder, 'world');
  await mkdir(logs);
  const noon = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
  const users = Array.from({ length: 8 }, (_, i) => ({
    name: `user${i}@example.org`,
    client: `198.51.${100 + (i % 3)}.${10 + i}`,
  }));
  const secrets = users.map(
    (u, i) => `ya29Tq${u.name.slice(0, 5)}kX8--vP${i}mZ-c4Rw9LbNd2YhGs7Jf${i}QeUoIaTx5Bn1Mv3Ck`,
  );
  const lines = users.flatMap((u, i) => [
    healthySession({ at: noon + i * 1000, user: u.name, ip: u.client, port: 40_000 + i }),
    healthySession({ at: noon + 1_800_000 + i * 1000, user: u.name, ip: u.client, port: 41_000 + i }),
  ]);
  await writeFile(join(logs, 'mail.log'), lines.join(''));
  const blocked = users.flatMap((u, i) => {
    const token = secrets[i] ?? '';
    return [
      { client: u.client, message: planted('POST', '/oauth2/token', 'ARGS:refresh_token', token) },
      {
        client: u.client,
        message: planted('GET', '/oauth2/authorize', 'ARGS:redirect_uri', `https://login${i}.example.net/cb`),
      },
      {
        client: u.client,
        message: planted('POST', '/sasl', 'ARGS:response', `user=${u.name}\u0001auth=Bearer ${token}\u0001\u0001`),
      },
      {
        client: u.client,
        message: planted(
          'POST',
          '/mail',
          'ARGS:_message',
          `Dear all ${i}, please select one from the list -- and drop us a note; it's "urgent"`,
        ),
      },
    ];
  });
  const scanner = ["1' OR 1=1-- -", '<script>alert(1)</script>', '../../../../etc/passwd', '; cat /etc/passwd'].map(
    (value) => ({
      client: '203.0.113.66',
      message: planted('GET', '/search', 'ARGS:q', value),
    }),
  );
  const all = [...blocked, ...scanner];
  const records = (await auditRecords(all.map((b) => b.message))).map((record, i) =>
    asOfClient(record, all[i]?.client ?? '', noon + 900_000 + i * 1000),
  );
  await writeFile(join(logs, 'audit.log'), records.join(''));
  return { mail: join(logs, 'mail.log'), audit: join(logs, 'audit.log'), secrets };
}

/** What an engine at paranoia level 2 writes of requests, one after the other, with their headers and bodies. */
async function auditRecords(messages: readonly HttpMessage[]): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-waf-audit-'));
  const files = await findEngine({ rules: [], paranoia: 2 });
  const upstream = createServer((request, response) => request.resume().once('end', () => response.end('ok')));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const address = upstream.address();
  const listen = await freePort();
  const ports = { listen, upstream: typeof address === 'object' && address !== null ? address.port : 0 };
  const configuration = await writeEngine(folder, files, NONE, ports);
  const engine = join(folder, 'rules', '000-engine.conf');
  await writeFile(engine, (await readFile(engine, 'utf8')).replace('SecAuditLogParts AHZ', 'SecAuditLogParts ABCFHZ'));
  const child = spawn(files.nginx, ['-p', folder, '-c', configuration, '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await until('the engine answers', () =>
      sendMessages(listen, [plainMessage('GET', '/')]).then(
        () => true,
        () => false,
      ),
    );
    const records = new Map<string, string>();
    const ids: (string | undefined)[] = [];
    for (const message of messages) ids.push(...(await sendMessages(listen, [message])));
    await until('the audit log is written', async () => {
      for (const record of (await readFile(join(folder, 'audit.log'), 'utf8')).split(/^(?=---\w+---A--$)/m)) {
        const id = /^\[[^\]]+\] ([0-9a-f]{32}) /m.exec(record)?.[1];
        if (id !== undefined && /---Z--\s*$/.test(record)) records.set(id, record);
      }
      return ids.every((id) => id !== undefined && records.has(id));
    });
    return ids.map((id) => records.get(id ?? '') ?? assert.fail('a request is not in the audit log'));
  } finally {
    child.kill('SIGTERM');
    await ended;
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
    await rm(folder, { recursive: true, force: true });
  }
}

/** The record as of another client and another time; all else stays as the engine wrote it. */
function asOfClient(record: string, client: string, at: number): string {
  assert.match(record, /Access denied/, 'it is blocked');
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  const [year, month, day] = date.split('-');
  const name = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[Number(month) - 1];
  return record
    .replace(/^\[[^\]]+\] (\w+) 127\.0\.0\.1 /m, `[${day}/${name}/${year}:${time.slice(0, 8)} +0000] $1 ${client} `)
    .replaceAll('[hostname "127.0.0.1"]', '[hostname "192.0.2.10"]');
}
