import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ECS_MAPPINGS_FILE, ecsMappingsText } from '../../deploy/ecs-mappings.ts';
import { generatedFiles } from '../../deploy/generated-files.ts';

const root = join(import.meta.dirname, '..', '..');
const advice = 'run npm run deploy:generate and commit what it writes';

describe('generated files are current', () => {
  it(ECS_MAPPINGS_FILE, () => {
    assert.equal(readFileSync(join(root, ECS_MAPPINGS_FILE), 'utf8'), ecsMappingsText(), advice);
  });

  for (const [path, text] of generatedFiles())
    it(path, () => assert.equal(readFileSync(join(root, path), 'utf8'), text, advice));

  it('and there are no others', () => {
    const there = globSync('deploy/{elasticsearch,kibana}/**/*.{json,ndjson}', { cwd: root }).sort();
    assert.deepEqual(there, [...generatedFiles().keys()].filter((path) => path.startsWith('deploy/')).sort());
  });
});
