/** Java and Maven for the servers that the tests start. What is missing is an error that names the command that installs it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, succeed } from './command.ts';

const repository = join(import.meta.dirname, '..', '..');
const cache = join(repository, 'node_modules', '.cache', 'imapwhy');
const install = ['apt-get', 'install', '--yes', '--no-install-recommends', 'default-jre-headless', 'maven'] as const;

/** With `npm run test:servers -- --install` what is missing is installed, else the test fails with the command that would do it. */
export async function needJava(): Promise<void> {
  const missing = [];
  for (const program of ['java', 'keytool', 'mvn']) if (!(await exists(program))) missing.push(program);
  if (missing.length === 0) return;
  if (process.env.IMAPWHY_INSTALL !== '1' || !(await exists('apt-get')))
    throw new Error(
      `this test starts a real server and needs ${missing.join(' and ')}: \`${install.join(' ')}\`, or npm run test:servers -- --install`,
    );
  await succeed('apt-get', ['update'], { cwd: '/' });
  await succeed(install[0], install.slice(1), { cwd: '/' });
}

/** The class path of a `pom.xml`: fetched by Maven once, kept beside node_modules until the file changes or a jar is gone. */
export async function classPath(pom: string): Promise<string> {
  await needJava();
  const name = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 16);
  const kept = join(cache, `class-path-${name}.txt`);
  if (existsSync(kept)) {
    const path = await readFile(kept, 'utf8');
    if (path !== '' && path.split(':').every((jar) => existsSync(jar))) return path;
  }
  await mkdir(cache, { recursive: true });
  const fresh = join(cache, `class-path-${name}.${process.pid}`);
  await succeed('mvn', ['-q', '-B', '-f', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${fresh}`], {
    cwd: cache,
  });
  const path = (await readFile(fresh, 'utf8')).trim();
  await writeFile(fresh, path);
  await rename(fresh, kept);
  return path;
}
