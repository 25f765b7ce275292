import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CAUSE_LABELS } from '../../../processors/profile/profile.ts';
import { pseudonyms } from '../../../reports/weekly/names.ts';
import { weeklyHtml } from '../../../reports/weekly/render/html.ts';
import { weeklyJson } from '../../../reports/weekly/render/json.ts';
import { weeklyMarkdown } from '../../../reports/weekly/render/markdown.ts';
import { weeklyPage } from '../../../reports/weekly/weekly-page.ts';
import { LANGUAGES, WORDS } from '../../../reports/weekly/words/index.ts';
import { hostileSession } from '../../profiles.ts';
import { type MadeWeeks, madeWeeks, reportOf, sourcesOf, weekOf } from './made-weeks.ts';

const made = madeWeeks();
const report = reportOf(made, '2026-W47');
const causeOf = (label: string) => report.causes.find((c) => c.label === label);

describe('the week as a value', () => {
  it('counts attempts of legitimate users only', () => {
    const week = weekOf('2026-W47');
    const own = [...sourcesOf(made).profiles({ since: week.startMs, until: week.endMs })];
    const attacks = own.filter((p) => p.imapwhy.cause.label === 'security.attack').length;
    const { availability: a } = report;
    assert.equal(a.outside.attacks, attacks);
    assert.equal(a.attempts, own.length - attacks);
    assert.equal(a.failed, a.explained + a.unexplained);
    assert.equal(a.unexplained, 3);
    assert.equal(a.rate, (a.attempts - a.failed) / a.attempts);
    assert.ok(Math.abs(a.budget.allowed - a.attempts * 0.0005) < 1e-6);
    assert.equal(a.level, 'alarm');
  });

  it('calls a change what lasts, not what came in one hour', () => {
    assert.equal(causeOf('network.packet_loss')?.last_week.verdict, 'up');
    assert.equal(causeOf('network.packet_loss')?.four_weeks.verdict, 'up');
    assert.equal(causeOf('server.auth_slow')?.last_week.verdict, 'down');
    assert.equal(causeOf('server.pool_exhausted')?.last_week.verdict, 'unclear');
    assert.equal(causeOf('client.stale_token')?.last_week.verdict, 'unclear');
  });

  it('says what is new, recurring, back, over and fixed', () => {
    const status = new Map(report.top.map((c) => [c.label, c]));
    assert.equal(status.get('network.packet_loss')?.status, 'recurring');
    assert.equal(status.get('network.packet_loss')?.over_since, null);
    assert.equal(status.get('server.pool_exhausted')?.status, 'new');
    assert.match(status.get('server.pool_exhausted')?.over_since ?? '', /^2026-11-18T09:\d\d\+01:00$/);
    assert.equal(status.get('security.waf_false_positive')?.status, 'returned');
    assert.deepEqual(
      report.gone.map((g) => [g.label, g.scope, g.failed_last_week, g.fixed]),
      [['server.auth_slow', 'server:mx1', 31, true]],
    );
  });

  it('adds up: layers, owners, days and causes', () => {
    const sum = (rows: readonly { readonly failed: number }[]) => rows.reduce((n, r) => n + r.failed, 0);
    const { failed, lost_minutes } = report.availability;
    for (const rows of [report.layers, report.owners, report.days, report.causes]) assert.equal(sum(rows), failed);
    const lost = report.causes.reduce((n, c) => n + c.lost_minutes, 0);
    assert.ok(Math.abs(lost - lost_minutes) < 1e-6);
    assert.ok(lost > 0 && lost <= failed * 30);
  });

  it('orders the root causes by lost time, with evidence, remedy and owner', () => {
    const minutes = report.top.map((c) => c.lost_minutes);
    assert.deepEqual(
      minutes,
      minutes.toSorted((a, b) => b - a),
    );
    const [first] = report.top;
    assert.equal(first?.scope, 'network:203.0.113.0/24');
    assert.equal(first?.owner, 'network');
    assert.equal(first?.failed, 84);
    assert.match(first?.evidence[0]?.text ?? '', /handshake/);
    assert.ok(first?.remedy);
  });

  it('names the silence of one source and what failed attempts lacked', () => {
    const proxy = report.gaps.sources.find((s) => s.source === 'haproxy.log');
    assert.deepEqual(proxy?.silent, [{ from: '2026-11-19T08:00+01:00', to: '2026-11-19T14:00+01:00', hours: 6 }]);
    assert.deepEqual(report.gaps.sources.find((s) => s.source === 'mail.log')?.silent, []);
    assert.deepEqual(report.gaps.silent, []);
    assert.equal(report.gaps.hours_covered, 168);
    assert.equal(report.gaps.missing[0]?.sessions, 84);
  });

  it('says how predictions came out', () => {
    const p = report.predictions;
    assert.ok(p);
    assert.equal(p.attempts, report.availability.attempts);
    assert.equal(p.failed, report.availability.failed);
    assert.equal(
      p.bins.reduce((n, b) => n + b.attempts, 0),
      p.attempts,
    );
    assert.ok(p.brier < p.brier_of_rate);
  });

  it('knows the five weeks, of which one has 169 hours', () => {
    assert.deepEqual(
      report.history.map((w) => w.name),
      ['2026-W43', '2026-W44', '2026-W45', '2026-W46', '2026-W47'],
    );
    assert.equal(reportOf(made, '2026-W43').week.hours, 169);
  });

  it('does not depend on anything but what is given', () => {
    assert.deepEqual(reportOf(madeWeeks(), '2026-W47'), report);
  });
});

describe('data gaps', () => {
  const silentFor = (hours: (hour: number) => boolean): MadeWeeks => {
    const { startMs } = weekOf('2026-W47');
    return { ...made, coverage: made.coverage.filter((r) => !hours((r.hourMs - startMs) / 3_600_000)) };
  };

  it('are named when nothing was recorded at all', () => {
    const { gaps } = reportOf(
      silentFor((h) => h >= 50 && h < 53),
      '2026-W47',
    );
    assert.deepEqual(gaps.silent, [{ from: '2026-11-18T02:00+01:00', to: '2026-11-18T05:00+01:00', hours: 3 }]);
  });

  it('half a week is said to be half a week', () => {
    const { endMs } = weekOf('2026-W47');
    const half = endMs - 84 * 3_600_000;
    const { gaps } = reportOf(
      {
        ...made,
        profiles: made.profiles.filter((p) => Date.parse(p.event.start) < half),
        coverage: made.coverage.filter((r) => r.hourMs < half),
      },
      '2026-W47',
    );
    assert.equal(gaps.hours_covered, 84);
    assert.equal(gaps.data_end, '2026-11-19T11:59+01:00');
  });

  it('a source that wrote before and not in this week has vanished', () => {
    const { startMs } = weekOf('2026-W47');
    const coverage = made.coverage.filter((r) => r.format !== 'haproxy' || r.hourMs < startMs);
    const { gaps } = reportOf({ ...made, coverage }, '2026-W47');
    assert.deepEqual(
      gaps.sources.filter((s) => s.vanished).map((s) => s.source),
      ['haproxy.log'],
    );
  });

  it('without coverage silence is read off the attempts, and said to be', () => {
    const { gaps } = reportOf({ ...made, coverage: [] }, '2026-W47');
    assert.equal(gaps.coverage_known, false);
    assert.match(
      weeklyMarkdown(weeklyPage(reportOf({ ...made, coverage: [] }, '2026-W47'), WORDS.en)),
      /does not say which log/,
    );
  });
});

describe('before and after a moment', () => {
  it('finds what ended with it', () => {
    const b = reportOf(made, '2026-W47', { moment: weekOf('2026-W47').startMs }).before_after;
    assert.ok(b);
    assert.equal(b.hours, 144); // whole days, as far as the data reach
    assert.equal(b.same_time_of_day, true);
    const verdicts = new Map(b.causes.map((c) => [c.label, c.change.verdict]));
    assert.equal(verdicts.get('server.auth_slow'), 'down');
    assert.equal(verdicts.get('network.packet_loss'), 'up');
    assert.equal(verdicts.get('client.stale_token'), 'unclear');
  });

  it('is nothing near the end of the data', () => {
    assert.equal(reportOf(made, '2026-W47', { moment: weekOf('2026-W47').endMs }).before_after, null);
  });
});

describe('pseudonyms', () => {
  const key = 'a key for tests only';
  const hidden = reportOf(made, '2026-W47', { names: pseudonyms(key) });
  const text = LANGUAGES.map((l) => weeklyMarkdown(weeklyPage(hidden, WORDS[l])) + weeklyJson(hidden, WORDS[l])).join();

  it('leave no user, address or line', () => {
    assert.doesNotMatch(text, /\d{1,3}(?:\.\d{1,3}){3}|example\.org|erika|user\d|rip=/);
    assert.match(text, /network:net-[a-z2-9]{10}/);
  });

  it('are the same for the same key, and others for another', () => {
    assert.deepEqual(reportOf(made, '2026-W47', { names: pseudonyms(key) }), hidden);
    assert.notDeepEqual(reportOf(made, '2026-W47', { names: pseudonyms('another key') }).top, hidden.top);
  });

  it('find names and addresses inside sentences', () => {
    const names = pseudonyms(key);
    const said = names.text(
      'anna (anna@example.org, CORP\\Anna) came from 203.0.113.7:993, [2001:db8::1] and 198.51.100.0/24 at 09:13:20, version 2.3.4',
      ['anna@example.org'],
    );
    assert.doesNotMatch(said, /anna|203\.0|2001|198\.51/i);
    assert.match(said, /addr-\w{10}:993/);
    assert.match(said, /09:13:20, version 2\.3\.4/);
    const one = names.text('203.0.113.7', []);
    for (const [text, expected] of [
      ['::ffff:203.0.113.7 said', `${one} said`],
      ['rip=203.0.113.7, lip=', `rip=${one}, lip=`],
      ['host-203-0-113-7.example.net', `host-${one}.example.net`],
      ['a:b:c 2026-11-24 12:30:45', 'a:b:c 2026-11-24 12:30:45'],
    ] as const)
      assert.equal(names.text(text, []), expected);
  });
});

describe('pages', () => {
  const quiet = madeWeeks({ faults: [] });
  const evil = hostileSession().profile;
  const moved = {
    ...evil,
    event: { ...evil.event, start: '2026-11-18T10:00:00.000Z', end: '2026-11-18T10:01:00.000Z' },
  };
  const hostile: MadeWeeks = {
    ...quiet,
    profiles: [...quiet.profiles.filter((p) => p.event.start < moved.event.start), moved],
  };

  for (const language of LANGUAGES) {
    const words = WORDS[language];
    it(`a week without failures reads well (${language})`, () => {
      const page = weeklyMarkdown(weeklyPage(reportOf(quiet, '2026-W47'), words));
      assert.match(page, language === 'en' ? /A good week: all 1,\d+ attempts succeeded/ : /本周一切正常/);
      assert.doesNotMatch(page, /NaN|undefined|null|Infinity|\[object/);
    });

    it(`no value is left unsaid, no text of a log acts (${language})`, () => {
      for (const one of [
        report,
        reportOf(hostile, '2026-W47'),
        reportOf(made, '2026-W47', { moment: weekOf('2026-W47').startMs }),
      ]) {
        const html = weeklyHtml(weeklyPage(one, words));
        const markdown = weeklyMarkdown(weeklyPage(one, words));
        // In a code span nothing is markup.
        for (const text of [html, markdown.replace(/`[^`]*`/g, '')]) {
          assert.doesNotMatch(text, /NaN|undefined|Infinity|\[object|[\u202e\u001b]/);
          assert.doesNotMatch(text, /(?<!\\)<(?:script|img)/i);
        }
        assert.match(html, new RegExp(`<html lang="${words.htmlLanguage}">`));
        assert.equal(weeklyHtml(weeklyPage(one, words)), html);
      }
    });

    it(`every cause has words (${language})`, () => {
      for (const label of CAUSE_LABELS) {
        if (label === 'none') continue;
        assert.ok(words.causeTitle(label).length > 3 && words.causeMeaning(label).length > 8, label);
      }
    });
  }

  it('the page loads nothing and runs nothing', () => {
    const html = weeklyHtml(weeklyPage(report, WORDS.en));
    assert.match(html, /default-src &#39;none&#39;/);
    assert.doesNotMatch(html, /<script|<link|src=|url\(|@import/);
  });

  it('the JSON is the report with what it says', () => {
    const parsed: unknown = JSON.parse(weeklyJson(report, WORDS.en));
    assert.ok(typeof parsed === 'object' && parsed !== null && 'headline' in parsed && 'availability' in parsed);
    assert.deepEqual(parsed.availability, JSON.parse(JSON.stringify(report.availability)));
  });
});
