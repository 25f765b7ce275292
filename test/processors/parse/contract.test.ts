/** What every row of the table promises, whatever its format. A new format is picked up by itself. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Line } from '../../../processors/event.ts';
import { peel } from '../../../processors/parse/envelope/index.ts';
import { ecsOf, FORMATS, type Format, ParseStage, parseLine } from '../../../processors/parse/index.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { parseZone, UTC } from '../../../processors/time.ts';
import { cpuMs } from '../../cpu-time.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NEAR = Date.UTC(2026, 10, 24);
const CODES = new Set([
  ...['unknown_format', 'unknown_message', 'bad_time', 'bad_number', 'bad_address', 'bad_json', 'missing_field'],
  ...['truncated', 'binary', 'too_long'],
]);
const SOURCE = { index: 0, name: 'x', fingerprint: 'x', modifiedAt: undefined };

const contextOf = () => ({ zone: UTC, near: NEAR, memory: newSourceMemory() });
const lineOf = (text: string): Line => peel({ text, offset: 0 }, SOURCE, { zone: UTC, near: NEAR });
const folderOf = (format: string) => join(ROOT, 'test/golden', format);

/** Records of a format's golden files. ModSecurity's span lines; each whole file is one more record, as framing could hand it over. */
function goldenTexts(format: string): readonly string[] {
  const folder = folderOf(format);
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  return [...texts.flatMap((text) => text.split('\n')), ...texts.map((text) => text.slice(0, 20_000))].filter(
    (text) => text !== '',
  );
}

/** The outcome is one that the contract allows. */
function check(format: Format, line: Line): void {
  assert.equal(typeof format.accepts(line), 'boolean');
  const outcome = format.parse(line, contextOf());
  if (outcome.kind === 'failure') {
    assert.ok(CODES.has(outcome.code), outcome.code);
    assert.match(outcome.field, /^[\w.[\] -]{1,40}$/);
  } else if (outcome.kind === 'event') {
    assert.equal(outcome.event.line, line);
    const fields = ecsOf(outcome.event);
    // What is written is JSON, its keys are ours, and the prototype of nothing was touched.
    JSON.parse(JSON.stringify(fields), (key, value: unknown) => {
      assert.match(key, /^[\w.@-]*$/);
      return value;
    });
  }
  assert.equal(Reflect.get({}, 'polluted'), undefined);
}

for (const format of FORMATS) {
  describe(format.name, () => {
    const texts = goldenTexts(format.name);

    test('has golden records and a page', () => {
      assert.ok(texts.length > 0);
      assert.ok(existsSync(join(ROOT, 'docs/formats', `${format.name}.md`)));
    });

    test('takes any text', () => {
      const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 300 }));
      fc.assert(
        fc.property(text, (t) => {
          check(format, lineOf(t));
          check(format, { ...lineOf(t), program: format.programs[0] ?? 'x', message: t });
        }),
      );
    });

    test('takes its own records changed in any place', () => {
      const change = fc.record({
        text: fc.constantFrom(...texts),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat(20),
        by: fc.oneof(
          fc.constantFrom(
            '',
            ' ',
            ': ',
            ', ',
            '"',
            "'",
            '\\',
            '\u0000',
            '\n',
            '<',
            '>',
            '(',
            ')',
            '[',
            ']',
            '{',
            '}',
            '=',
          ),
          fc.constantFrom(
            '9'.repeat(400),
            '-1',
            '1e999',
            'NaN',
            '\ud800',
            '::ffff:1.2.3.4',
            '999.999.999.999',
            '__proto__',
          ),
          fc.string({ maxLength: 20 }),
        ),
      });
      fc.assert(
        fc.property(change, ({ text, at, length, by }) => {
          const cut = Math.floor(text.length * at);
          check(format, lineOf(text.slice(0, cut) + by + text.slice(cut + length)));
          check(format, lineOf(text.slice(0, cut)));
        }),
        { numRuns: 1500 },
      );
    });

    test('__proto__ is a word like others', () => {
      for (const name of ['__proto__', 'constructor', 'hasOwnProperty', '__proto__.polluted']) {
        for (const text of texts.slice(0, 300)) check(format, lineOf(text.replace(/[a-z]{4,}(?=[=>":@])/, name)));
        check(
          format,
          lineOf(`{"__proto__":{"polluted":1},"transaction":{"__proto__":{"polluted":1}},"proto":6,"src4_addr":"x"}`),
        );
      }
    });

    test('1 MB takes linear time', () => {
      const heads = [...new Set(texts.map((text) => text.slice(0, 80)))].slice(0, 12);
      const pieces = [
        'a',
        ' ',
        '"',
        '\\',
        '(',
        '<',
        '[',
        ', ',
        ': ',
        '=',
        '] "',
        ' [',
        '{"a":',
        '%41',
        '\n',
        ' SRC=',
        '\\x22',
        '&a=',
      ];
      for (const head of ['', ...heads]) {
        for (const piece of pieces) {
          const text = head + piece.repeat(Math.ceil(1_000_000 / piece.length));
          const line = lineOf(text);
          const from = cpuMs();
          if (format.accepts(line)) format.parse(line, contextOf());
          else format.parse({ ...line, program: format.programs[0] ?? 'x' }, contextOf());
          const took = cpuMs() - from;
          assert.ok(took < 1500, `${JSON.stringify(head)} ${JSON.stringify(piece)}… took ${took} ms`);
        }
      }
    });
  });
}

describe('the table', () => {
  test('names and programs are told apart', () => {
    const names = FORMATS.map((f) => f.name);
    assert.equal(new Set(names).size, names.length);
    const programs = FORMATS.flatMap((f) => f.programs);
    assert.equal(new Set(programs).size, programs.length);
  });

  test('gives each golden record that has an event to a format that says the same', () => {
    for (const format of FORMATS) {
      for (const text of goldenTexts(format.name)) {
        const line = lineOf(text);
        const { outcome, format: taken } = parseLine(line, contextOf());
        if (outcome.kind !== 'event') continue;
        assert.ok(taken !== undefined);
        assert.deepEqual(taken.parse(line, contextOf()), outcome);
      }
    }
  });

  test('says the same of a line whatever was read before it', () => {
    // Formats that read tables need what stands before; the others must not.
    const texts = FORMATS.filter((f) => !/netflow|openvpn/.test(f.name)).flatMap((f) =>
      goldenTexts(f.name).slice(0, 60),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 12 }), (before) => {
        const stage = new ParseStage();
        stage.open(SOURCE, UTC, NEAR);
        stage.push(
          SOURCE,
          before.slice(0, -1).map((text, i) => ({ text, offset: i })),
        );
        const record = { text: before.at(-1) ?? '', offset: 99 };
        const alone = new ParseStage();
        alone.open(SOURCE, UTC, stage.state(SOURCE).near ?? NEAR);
        assert.deepEqual(stage.push(SOURCE, [record]), alone.push(SOURCE, [record]));
      }),
      { numRuns: 300 },
    );
  });
});

describe('ParseStage', () => {
  const LOGIN =
    'Nov 24 03:24:10 mx1 dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.7, lip=192.0.2.10, mpid=9';
  const open = (near = NEAR) => {
    const stage = new ParseStage();
    stage.open(SOURCE, UTC, near);
    return stage;
  };
  const records = (texts: readonly string[]) => texts.map((text, i) => ({ text, offset: i * 1000 }));

  test('loses nothing, keeps the order and counts', () => {
    const stage = open();
    const events = stage.push(
      SOURCE,
      records([LOGIN, '', 'what is this', 'start,end,proto,src,sport,dst,dport,packets,bytes', LOGIN]),
    );
    assert.deepEqual(
      events.map((e) => `${e.dataset} ${e.line.offset}`),
      ['dovecot.login 0', 'unparsed 2000', 'dovecot.login 4000'],
    );
    const counts = stage.counts.get(0);
    assert.ok(counts !== undefined);
    assert.deepEqual([counts.lines, counts.parsed, counts.skipped, counts.blank, counts.zoned], [4, 2, 1, 1, false]);
    assert.deepEqual([...counts.formats], [['dovecot', 2]]);
    assert.deepEqual([...counts.actions], [['logged-in', 2]]);
    assert.deepEqual([...counts.failures], [['unknown_format', 1]]);
  });

  test('a record that no format takes has its envelope’s time, else that of what came before', () => {
    const stage = open();
    const [known, , unknown] = stage.push(SOURCE, records(['Nov 20 01:02:03 mx1 own-thing: x', LOGIN, 'what is this']));
    assert.equal(known?.stamp.at, Date.UTC(2026, 10, 20, 1, 2, 3));
    assert.equal(unknown?.stamp.at, Date.UTC(2026, 10, 24, 3, 24, 10));
  });

  test('the year follows the source over New Year, and back with a clock that jumps', () => {
    const at = (text: string) => LOGIN.replace('Nov 24 03:24:10', text);
    const stage = open(Date.UTC(2026, 5, 20));
    const events = stage.push(
      SOURCE,
      records([
        at('Dec 15 00:00:00'),
        at('Dec 31 23:59:59'),
        at('Jan  1 00:00:01'),
        at('Dec 31 23:59:58'),
        at('May  1 00:00:00'),
      ]),
    );
    assert.deepEqual(
      events.map((e) => new Date(e.stamp.at).getUTCFullYear()),
      [2026, 2026, 2027, 2026, 2027],
    );
  });

  test('the hour that summer time repeats is told by the lines before, in batches or from a state', () => {
    const zone = parseZone('Europe/Warsaw') ?? assert.fail();
    const clocks = ['02:10:00', '02:59:59', '02:00:00', '02:10:00', '02:59:59', '03:00:00'];
    const texts = clocks.map((clock) => LOGIN.replace('Nov 24 03:24:10', `Oct 25 ${clock}`));
    const utc = ['00:10:00', '00:59:59', '01:00:00', '01:10:00', '01:59:59', '02:00:00'];
    const clockOf = (at: number) => new Date(at).toISOString().slice(11, 19);
    let stage = new ParseStage();
    stage.open(SOURCE, zone, NEAR);
    const read = records(texts).map((record, i) => {
      const [event] = stage.push(SOURCE, [record]);
      const state = JSON.parse(JSON.stringify(stage.state(SOURCE)));
      stage = new ParseStage();
      stage.open(SOURCE, zone, NEAR, undefined, state);
      assert.deepEqual(stage.again(0, record, event?.stamp.at ?? 0), event, `${i}`);
      return clockOf(event?.stamp.at ?? 0);
    });
    assert.deepEqual(read, utc);
  });

  test('its state is plain data: another stage goes on from it', () => {
    const texts = ['start,end,proto,src,sport,dst,dport,packets,bytes', LOGIN];
    const flow = '2026-11-24 03:28:44.719,2026-11-24 03:28:51.109,6,192.0.2.10,993,198.51.100.66,51399,45,29851';
    const first = open();
    first.push(SOURCE, records(texts));
    const state = JSON.parse(JSON.stringify(first.state(SOURCE)));
    const second = new ParseStage();
    second.open(SOURCE, UTC, 0, undefined, state);
    const [event] = second.push(SOURCE, records([flow]));
    assert.equal(event?.dataset, 'netflow.flow');
    assert.deepEqual(event, first.push(SOURCE, records([flow]))[0]);
  });

  test('--format tries one format only', () => {
    const stage = new ParseStage();
    stage.open(
      SOURCE,
      UTC,
      NEAR,
      FORMATS.find((f) => f.name === 'fail2ban'),
    );
    assert.deepEqual(
      stage.push(SOURCE, records([LOGIN])).map((e) => e.dataset),
      ['unparsed'],
    );
  });

  test('batches do not matter', () => {
    const all = records([LOGIN, 'x', '', LOGIN, 'Nov 25 03:24:10 mx1 haproxy[7]: x']);
    const whole = open().push(SOURCE, all);
    const stage = open();
    assert.deepEqual(
      all.flatMap((record) => stage.push(SOURCE, [record])),
      whole,
    );
  });
});
