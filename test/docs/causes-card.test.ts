import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SHIPPED_MODEL } from '../../models/cause/shipped-model.ts';
import { weightsText } from '../../models/cause/weights-file.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const weights = read('models/cause/weights.json');

test('docs/causes-card.md is about the weights that are shipped (npm run fit renews it)', () => {
  assert.equal(weightsText(SHIPPED_MODEL), weights); // the card's hash is of this text
  const hash = createHash('sha256').update(weights).digest('hex');
  assert.ok(
    read('docs/causes-card.md').includes(`sha256 \`${hash}\``),
    'docs/causes-card.md is stale: run npm run fit',
  );
});

test('its plots are there, with a dot for each row of its table', () => {
  const card = read('docs/causes-card.md');
  const plots = [...card.matchAll(/!\[[^\]]*\]\(([^)]+\.svg)\)/g)].map(([, name]) => read(`docs/${name}`));
  assert.equal(plots.length, 2);
  for (const svg of plots) assert.match(svg, /^<svg [\s\S]*<circle [\s\S]*<\/svg>\n$/);
  const rows = card.match(/^\| \d\.\d to \d\.\d \|/gm) ?? [];
  assert.equal(plots[0]?.match(/<circle /g)?.length, rows.length);
});
