import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cutToWidth, htmlText, padToWidth, terminalText, textWidth } from '../../reports/clean-text.ts';

describe('terminalText', () => {
  const cases: readonly (readonly [name: string, input: string, shown: string])[] = [
    [
      'plain text is untouched',
      'imap-login: Login: user=<anna>, rip=192.0.2.7',
      'imap-login: Login: user=<anna>, rip=192.0.2.7',
    ],
    ['other scripts, marks and emoji are untouched', 'Żółć 日本 é 👍', 'Żółć 日本 é 👍'],
    ['a Windows domain keeps its backslash', 'CORP\\anna', 'CORP\\anna'],
    ['ANSI colour', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['window title (OSC) and bell', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
    ['8-bit CSI', '\x9b31m', '\\x9b31m'],
    ['line breaks and tab', 'a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['NUL, backspace and DEL', 'a\0b\x08c\x7f', 'a\\x00b\\x08c\\x7f'],
    ['next line, U+0085', 'a\u0085b', 'a\\x85b'],
    ['line and paragraph separator', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['bidi override and isolate', 'a\u202egpj.exe\u2066x\u2069', 'a\\u202egpj.exe\\u2066x\\u2069'],
    ['Arabic letter mark and RLM', '\u061c\u200f', '\\u061c\\u200f'],
    ['zero width space and BOM', 'an\u200bna\ufeff', 'an\\u200bna\\ufeff'],
    ['tag characters', 'a\u{e0041}', 'a\\u{e0041}'],
    ['lone surrogate', 'a\ud800b', 'a\\ud800b'],
  ];
  for (const [name, input, shown] of cases) it(name, () => assert.equal(terminalText(input), shown));

  it('leaves nothing that a terminal acts on, in any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = terminalText(text);
        assert.doesNotMatch(shown, /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
        assert.equal(terminalText(shown), shown);
      }),
    );
  });
});

describe('htmlText', () => {
  it('turns markup into entities and controls into escapes', () => {
    assert.equal(
      htmlText('<script>alert("1")</script>&\'`\x1b'),
      '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;&#96;\\x1b',
    );
  });

  it('leaves no markup character in any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(htmlText(text), /[<>"'`]|&(?!amp;|lt;|gt;|quot;|#39;|#96;)/);
      }),
    );
  });
});

describe('cutToWidth', () => {
  it('counts wide characters as two columns and marks as none', () => {
    assert.equal(textWidth('ab'), 2);
    assert.equal(textWidth('日本'), 4);
    assert.equal(textWidth('e\u0301'), 1);
    assert.equal(cutToWidth('日本語です', 5), '日本…');
    assert.equal(cutToWidth('abcdef', 6), 'abcdef');
    assert.equal(cutToWidth('abcdef', 4), 'abc…');
    assert.equal(cutToWidth('abcdef', 0), '');
    assert.equal(padToWidth('日', 4), '日  ');
  });

  it('never exceeds the columns nor splits a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, columns) => {
        const cut = cutToWidth(text, columns);
        assert.ok(textWidth(cut) <= columns);
        assert.ok(cut.isWellFormed() || !text.isWellFormed());
      }),
    );
  });
});
