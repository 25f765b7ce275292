/**
 * The ways that people take through the pages, in a real browser: Debian's Chromium (or the one that IMAPWHY_TEST_CHROMIUM names), over the store of the
 * sample logs. Accessibility is checked by axe-core (WCAG 2.2 A and AA) on every page, in light and dark and in both languages.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Service, serve } from '../../cli/serve.ts';
import { openStore } from '../../outputs/sqlite.ts';
import { sampleIncidents } from '../incidents.ts';
import { wafEvent } from '../models/waf/world.ts';
import { hostileSession, sampleDay, sampleSessions } from '../profiles.ts';
import { exists } from './command.ts';

const program = process.env.IMAPWHY_TEST_CHROMIUM ?? '/usr/bin/chromium';
const skip = (await exists(program)) ? false : `no browser at ${program}: apt-get install chromium`;
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const BLOCK = wafEvent({
  id: 'block-1',
  client: '203.0.113.7',
  path: '/oauth2/token',
  rules: [{ id: '3003', variable: 'ARGS:refresh_token', value: 'eyJ<b>x</b>', matched: '<b>x</b>', blocking: true }],
});

describe('the pages in a browser', { skip }, () => {
  let folder: string;
  let service: Service;
  let browser: Browser;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-web-'));
    const file = join(folder, 'imapwhy.db');
    const store = openStore(file);
    const sessions = [...sampleDay(), ...sampleSessions(), hostileSession()];
    await store.write({
      profiles: sessions.map((s) => s.profile),
      events: [...sessions.flatMap((s) => s.events), BLOCK],
      incidents: sampleIncidents(),
    });
    await store.close();
    service = await serve({ listen: '127.0.0.1:0', store: file, accounts: join(folder, 'none.json') });
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser?.close();
    await service?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** A page that fails the test by any dialog, error or request to elsewhere. */
  async function open(path: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
    const page = await browser.newPage({ locale: 'en-GB', ...options });
    page.setDefaultTimeout(10_000);
    page.on('dialog', (dialog) => assert.fail(`a dialog opened: ${dialog.message()}`));
    page.on('pageerror', (error) => assert.fail(error));
    page.on('request', (request) => assert.ok(request.url().startsWith(service.url), request.url()));
    await page.goto(`${service.url}${path}`);
    return page;
  }

  it('an SRE goes from how it is now to one session, narrows the time, and says what it was', async () => {
    const page = await open('/?hours=168');
    await page.getByRole('table').getByRole('link').first().click();
    await page.waitForURL(/\/(?:incident|search)/);
    await page.getByRole('link', { name: 'Search' }).click();
    await page.getByRole('searchbox').fill('is:failed');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=is/);
    const before = await page.getByRole('status').textContent();
    await page.locator('.bars-over-time a').last().click();
    await page.waitForURL(/since/);
    assert.match(await page.getByRole('searchbox').inputValue(), /^is:failed since:\S+ until:\S+$/);
    assert.notEqual(await page.getByRole('status').textContent(), before);
    await page.locator('table.sessions tbody a').first().click();
    await page.waitForURL(/\/session\//);
    await page.getByLabel('No, it was').selectOption('security.rate_limit');
    const form = page.locator('form', { has: page.locator('select') });
    await form.getByLabel('Your name').fill('Ola');
    await form.getByLabel('Note').fill('the new router limits SYNs');
    await form.getByRole('button').click();
    await page.getByText('as a person said').waitFor();
    assert.match((await page.locator('.lead').textContent()) ?? '', /Said by Ola .*the new router limits SYNs/s);
    await page.close();
  });

  it('an operator reads an incident and leaves a note', async () => {
    const incident = sampleIncidents()[0]?.imapwhy.incident;
    const page = await open(`/incident/${incident?.id}`);
    await page.getByRole('textbox', { name: 'Note' }).fill('provider called <b>08:40</b>');
    await page.getByLabel('Your name').fill('Ola');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByText('provider called <b>08:40</b>').waitFor();
    await page.close();
  });

  it('a reviewer looks at a blocked request and says that it is a false positive', async () => {
    const page = await open('/');
    await page.getByRole('link', { name: 'WAF review' }).click();
    await page.getByRole('link', { name: /3003/ }).click();
    await page.locator('mark').getByText('<b>x</b>').waitFor();
    await page.getByLabel('It is').selectOption('accept');
    await page.getByLabel('Exclusion ends on').fill('2099-12-31');
    await page.getByLabel('Your name').fill('Ola');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('false positive: Said by Ola').waitFor();
    await page.close();
  });

  it('copies a setting, and says so', async () => {
    const session = sampleSessions().find((s) => s.profile.imapwhy.cause.remedy?.setting);
    const page = await open(`/session/${session?.profile.imapwhy.session.id}`, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), await page.locator('#setting').textContent());
    await page.close();
  });

  it('is read without scripts, and by keyboard alone', async () => {
    const page = await open('/search?q=is%3Afailed', { javaScriptEnabled: false });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter'); // the link that skips the menu
    assert.match(page.url(), /#main$/);
    await page.locator('table.sessions tbody a').first().focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/session\//);
    await page.close();
  });

  const paths = [
    '/?hours=168',
    '/search?q=is%3Afailed',
    '/search?q=usr%3Ax',
    `/session/${sampleSessions()[0]?.profile.imapwhy.session.id}`,
    `/session/${hostileSession().profile.imapwhy.session.id}`,
    `/incident/${sampleIncidents()[0]?.imapwhy.incident.id}`,
    '/waf',
    '/report',
    '/audit',
    '/sign-in',
  ];
  for (const [locale, colorScheme] of [
    ['en-GB', 'light'],
    ['en-GB', 'dark'],
    ['zh-CN', 'light'],
  ] as const)
    it(`is accessible in ${locale}, ${colorScheme}`, async () => {
      for (const path of paths) {
        const page = await open(path, { locale, colorScheme });
        assert.equal(await page.locator('html').getAttribute('lang'), locale.slice(0, 2));
        await page.evaluate(axe);
        const found: readonly string[] =
          await page.evaluate(`axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })
            .then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 200) + ' ' + n.failureSummary)))`);
        assert.deepEqual(found, [], path);
        await page.close();
      }
    });

  it('fits a phone', async () => {
    for (const path of paths) {
      const page = await open(path, { viewport: { width: 375, height: 800 } });
      const width = Number(await page.evaluate('document.documentElement.scrollWidth'));
      assert.ok(width <= 375, `${path} is ${width} wide`);
      await page.close();
    }
  });
});
