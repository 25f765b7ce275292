import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textWidth } from '../../reports/clean-text.ts';
import { SummaryBuilder } from '../../reports/summary.ts';
import { renderTerminal } from '../../reports/terminal.ts';
import { healthySession, hostileSession, idleTimeoutSession, unexplainedSession } from '../profiles.ts';
import { sampleRun, summaryOf } from './sample-run.ts';

const PLAIN = { colour: false, reportPath: 'out/report.html' } as const;
const CONTROLS = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

function linesOf(text: string): readonly string[] {
  assert.ok(text.endsWith('\n'));
  return text.slice(0, -1).split('\n');
}

test('answers why, since when, for whom and whose job within the first lines', () => {
  const lines = linesOf(renderTerminal(summaryOf(sampleRun()), PLAIN));
  const top = lines.slice(0, 8).join(' ');
  assert.match(top, /319 of 1,820 attempts by legitimate users failed \(success rate 82\.47 %\)/);
  assert.match(top, /the server had no room for more clients, from 07:01/);
  assert.match(top, /198\.51\.100\.0\/24/);
  assert.match(top, /operations/);
});

test('ends with the report and one command to go on', () => {
  const lines = linesOf(renderTerminal(summaryOf(sampleRun()), PLAIN));
  assert.match(lines.at(-2) ?? '', /out\/report\.html$/);
  assert.match(lines.at(-1) ?? '', /imapwhy explain pool_exhausted-0000$/);
});

test('no line is wider than 100 columns and none has trailing space', () => {
  for (const line of linesOf(renderTerminal(summaryOf(sampleRun()), PLAIN))) {
    assert.ok(textWidth(line) <= 100, line);
    assert.equal(line, line.trimEnd());
  }
});

test('colours only when asked, and the words are the same', () => {
  const summary = summaryOf(sampleRun());
  const plain = renderTerminal(summary, PLAIN);
  const coloured = renderTerminal(summary, { ...PLAIN, colour: true });
  assert.doesNotMatch(plain, CONTROLS);
  assert.match(coloured, /\x1b\[31m/);
  assert.equal(coloured.replace(/\x1b\[\d+m/g, '').replace(/ +$/gm, ''), plain);
});

test('hostile text comes out visible and cannot break a line', () => {
  const builder = new SummaryBuilder();
  const evil = '\x1b]0;x\x07\u202e\n<script>\r';
  builder.add(hostileSession(`-${evil}`).profile);
  builder.addIngest({
    source: evil.repeat(40),
    formats: [],
    lines: 2,
    parsed: 1,
    unparsed: 1,
    templates: [{ template: evil, lines: 1, example: evil }],
    first: null,
    last: null,
    zone: { name: evil, assumed: true, basis: evil },
    clock: { shift_ms: 5, confidence: 1, basis: evil },
    problems: [evil],
  });
  const text = renderTerminal(builder.build(), { colour: false, reportPath: evil });
  assert.doesNotMatch(text, CONTROLS);
  assert.match(text, /\\x1b/);
  assert.match(text, /imapwhy explain -- '-/);
});

test('an empty run says so', () => {
  const text = renderTerminal(new SummaryBuilder().build(), { colour: false });
  assert.match(text, /No connection attempts were found\.\nNo source was read\./);
  assert.doesNotMatch(text, /undefined|NaN|null/);
});

test('lines without sessions are told apart from lines that nobody understood', () => {
  const counts = {
    source: 'a.log',
    formats: [],
    templates: [],
    first: null,
    last: null,
    zone: null,
    clock: null,
    problems: [],
  };
  const understood = new SummaryBuilder();
  understood.addIngest({ ...counts, lines: 3, parsed: 3, unparsed: 0 });
  assert.match(
    renderTerminal(understood.build(), { colour: false }),
    /3 lines were read; none of them is part of an IMAP session/,
  );
  const unknown = new SummaryBuilder();
  unknown.addIngest({ ...counts, lines: 3, parsed: 0, unparsed: 3 });
  assert.match(renderTerminal(unknown.build(), { colour: false }), /None of the 3 lines read could be understood/);
});

test('one profile of each standing reads well', () => {
  const one = (profile: Parameters<SummaryBuilder['add']>[0]) => {
    const builder = new SummaryBuilder();
    builder.add(profile);
    return renderTerminal(builder.build(), { colour: false });
  };
  assert.match(one(healthySession().profile), /Nothing failed: all 1 attempt by legitimate users succeeded/);
  assert.match(one(idleTimeoutSession().profile), /Most of them, 1 \(100 %\): a timer closed quiet connections/);
  assert.match(one(unexplainedSession().profile), /No cause could be named for any of them/);
});

test('names the owner of what to do first, with the exact setting', () => {
  const text = renderTerminal(summaryOf(sampleRun()), PLAIN);
  assert.match(text, /\noperations: The server had no room for more clients\n {2}Raise client_limit/);
  assert.match(text, / {2}service imap-login \{ client_limit \} → 200 in \/etc\/dovecot\/conf\.d\/10-master\.conf\n/);
});
