import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderReport } from '../../reports/html.ts';
import { html, outsideLink, styleHash } from '../../reports/markup.ts';
import { STYLE } from '../../reports/style.css.ts';
import { exampleSessionIds, SummaryBuilder } from '../../reports/summary.ts';
import { sampleIncident } from '../incidents.ts';
import { attackSession, hostileSession, idleTimeoutSession, unexplainedSession } from '../profiles.ts';
import { type SampleRun, sampleRun, summaryOf } from './sample-run.ts';

function reportOf(run: SampleRun): string {
  const summary = summaryOf(run);
  const ids = new Set(exampleSessionIds(summary));
  return renderReport(
    summary,
    run.incidents,
    run.sessions.filter((s) => ids.has(s.profile.imapwhy.session.id)),
  );
}

const VOID = new Set(['meta', 'br', 'hr']);
const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[A-Za-z][A-Za-z0-9:-]*(?:="[^"<>]*")?)*)\s*(\/?)>/y;

interface Page {
  readonly tags: readonly { readonly name: string; readonly attributes: ReadonlyMap<string, string> }[];
  readonly text: string;
}

/** Reads the page as strictly as it is written: a `<` that begins no tag of ours, or a tag out of balance, fails. */
function read(page: string): Page {
  const tags: Page['tags'][number][] = [];
  const open: string[] = [];
  let text = '';
  let at = page.indexOf('<html');
  while (at < page.length) {
    const next = page.indexOf('<', at);
    if (next < 0) {
      text += page.slice(at);
      break;
    }
    text += page.slice(at, next);
    TAG.lastIndex = next;
    const tag = TAG.exec(page);
    assert.ok(tag, `no tag of ours: ${page.slice(next, next + 80)}`);
    const [whole, closing, name = '', attributeText = '', selfClosing] = tag;
    if (closing === '/') assert.equal(open.pop(), name);
    else {
      const attributes = new Map<string, string>();
      for (const a of attributeText.matchAll(/([A-Za-z][A-Za-z0-9:-]*)(?:="([^"]*)")?/g))
        attributes.set(a[1] ?? '', a[2] ?? '');
      tags.push({ name, attributes });
      if (selfClosing !== '/' && !VOID.has(name)) open.push(name);
    }
    at = next + whole.length;
    if (name === 'style' && closing !== '/') {
      const end = page.indexOf('</style>', at);
      at = end;
    }
  }
  assert.deepEqual(open, []);
  return { tags, text };
}

test('the page is well formed and loads nothing', () => {
  const page = reportOf(sampleRun());
  const { tags } = read(page);
  for (const { name, attributes } of tags) {
    assert.ok(
      !['script', 'link', 'img', 'iframe', 'object', 'embed', 'base', 'form', 'use', 'image', 'foreignObject'].includes(
        name,
      ),
      name,
    );
    for (const [attribute, value] of attributes) {
      assert.doesNotMatch(attribute, /^(?:on|src|style$|xlink|formaction|srcset|ping)/, `${name} ${attribute}`);
      if (attribute === 'href') assert.match(value, /^(?:#|https?:\/\/)/);
    }
  }
  assert.doesNotMatch(STYLE, /url\(|@import|expression/);
});

test('the policy allows this style and nothing else', () => {
  const page = reportOf(sampleRun(50));
  const policy = read(page)
    .tags.find((t) => t.attributes.get('http-equiv') === 'Content-Security-Policy')
    ?.attributes.get('content');
  const hash = styleHash(STYLE).replaceAll("'", '&#39;');
  assert.equal(
    policy,
    `default-src &#39;none&#39;; style-src ${hash}; base-uri &#39;none&#39;; form-action &#39;none&#39;`,
  );
  assert.equal(page.slice(page.indexOf('<style>') + 7, page.indexOf('</style>')), STYLE);
});

test('every chart has words for those who do not see it, every table a caption, every link target exists', () => {
  const { tags } = read(reportOf(sampleRun()));
  const ids = new Set(tags.flatMap((t) => t.attributes.get('id') ?? []));
  for (const { name, attributes } of tags) {
    if (name === 'svg' && attributes.get('class')?.startsWith('chart'))
      assert.ok((attributes.get('aria-label') ?? '').length > 10);
    const href = attributes.get('href');
    if (href?.startsWith('#')) assert.ok(ids.has(href.slice(1)), href);
    const labelled = attributes.get('aria-labelledby');
    if (labelled !== undefined) assert.ok(ids.has(labelled), labelled);
  }
  const count = (name: string) => tags.filter((t) => t.name === name).length;
  assert.equal(count('table'), count('caption'));
  assert.equal(count('main'), 1);
  assert.equal(count('h1'), 1);
  assert.ok(count('desc') >= 3);
});

test('says the figures of the summary', () => {
  const { text } = read(reportOf(sampleRun()));
  assert.match(text, /319 of 1,820 attempts by legitimate users failed \(success rate 82\.47 %\)/);
  assert.match(text, /service imap-login \{ client_limit \}/);
  assert.match(text, /imapwhy explain pool_exhausted-0000/);
  assert.match(text, /softflowd/);
  assert.match(text, /spamd: result: \. 0 scantime=0\.3/);
});

test('the same input gives the same bytes, whatever the order of sessions', () => {
  const run = sampleRun(200);
  const page = reportOf(run);
  assert.equal(reportOf(sampleRun(200)), page);
  assert.ok(!/undefined|NaN|\[object/.test(page));
});

test('hostile text in every field stays text', () => {
  const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e\u0000]]>--></style></title>`';
  const long = evil.repeat(2000);
  const base = hostileSession(long);
  const { profile } = base;
  const worse = {
    ...base,
    profile: {
      ...profile,
      client: { ip: long },
      host: { name: long },
      server: { ip: long, port: 1 },
      imapwhy: {
        ...profile.imapwhy,
        events: profile.imapwhy.events.map((e) => ({ ...e, dataset: long, action: long })),
      },
    },
  };
  const lost = unexplainedSession('lost');
  const run: SampleRun = {
    sessions: [
      worse,
      attackSession(),
      { ...lost, profile: { ...lost.profile, event: { ...lost.profile.event, reason: long } } },
    ],
    incidents: [sampleIncident(long, 'network.packet_loss', long, Date.UTC(2026, 2, 17, 13), 1000, 5, 5, 1, 'x')],
    ingest: [
      {
        source: long,
        formats: [{ format: long, lines: 1 }],
        lines: 1,
        parsed: 0,
        unparsed: 1,
        templates: [{ template: long, lines: 1, example: long }],
        first: null,
        last: evil,
        zone: { name: long, assumed: true, basis: long },
        clock: { shift_ms: -1, confidence: 0, basis: long },
        problems: [long],
      },
    ],
  };
  const page = reportOf(run);
  const { tags, text } = read(page);
  assert.ok(!tags.some((t) => t.name === 'script' || t.name === 'img'));
  assert.doesNotMatch(page, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  assert.match(text, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.doesNotMatch(page, /href="javascript/i);
  assert.ok(page.length < 400_000, String(page.length));
});

test('an event of any shape, or none, does no harm', () => {
  const { profile } = idleTimeoutSession();
  const [first, second] = profile.imapwhy.events;
  const builder = new SummaryBuilder();
  builder.add(profile);
  const page = renderReport(
    builder.build(),
    [],
    [
      {
        profile,
        events: [
          { id: first?.id ?? '', document: { event: 'text', host: null } },
          { id: second?.id ?? '', document: { event: { original: 7 }, host: [] } },
        ],
      },
    ],
  );
  assert.ok(read(page).text.includes('client-id'));
});

test('an empty run is a page too', () => {
  const { text } = read(renderReport(new SummaryBuilder().build(), [], []));
  assert.match(text, /No connection attempts were found/);
  assert.match(text, /No source is recorded for this run/);
});

test('one profile gives a page', () => {
  const { profile, events } = idleTimeoutSession();
  const builder = new SummaryBuilder();
  builder.add(profile);
  const { text } = read(renderReport(builder.build(), [], [{ profile, events }]));
  assert.match(text, /1 of 1 attempt by legitimate users failed/);
  assert.match(text, /IDLE running for 60\.021/);
  assert.match(text, /haproxy_client_timer/);
});

test('templates escape all but markup, and links only go to the web', () => {
  assert.equal(
    String(html`<p title="${'"<>&\''}">${['a<', 1, null, undefined, html`<b>${'&'}</b>`]}</p>`),
    '<p title="&quot;&lt;&gt;&amp;&#39;">a&lt;1<b>&amp;</b></p>',
  );
  assert.doesNotMatch(String(outsideLink('javascript:alert(1)')), /<a/);
  assert.doesNotMatch(String(outsideLink('https://exa mple.org')), /<a/);
  assert.match(
    String(outsideLink('https://example.org/?a="b', 'Docs')),
    /<a href="https:\/\/example.org\/\?a=&quot;b"/,
  );
});
