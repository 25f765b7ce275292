/** npm run deploy:generate: writes what other systems load, and the mappings of ECS that it is made from. A test fails while these files are not what this writes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ECS_MAPPINGS_FILE, ecsMappingsText } from './ecs-mappings.ts';

await write(ECS_MAPPINGS_FILE, ecsMappingsText());
const { generatedFiles } = await import('./generated-files.ts'); // reads what was just written
for (const [path, text] of generatedFiles()) await write(path, text);

async function write(path: string, text: string): Promise<void> {
  const file = join(import.meta.dirname, '..', path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
