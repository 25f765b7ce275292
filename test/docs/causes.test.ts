import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { renewed } from '../../docs/make-causes.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'causes.md'), 'utf8');

test('docs/causes.md shows the evidence and weights that are shipped (npm run docs renews it)', () => {
  assert.ok(page === renewed(page), 'docs/causes.md is stale: run npm run docs');
});

test('renewing it twice changes nothing', () => {
  assert.equal(renewed(renewed(page)), renewed(page));
});

test('a page without a part for every cause is refused', () => {
  assert.throws(() => renewed('# Causes\n'), /has no part for network\.packet_loss/);
});
