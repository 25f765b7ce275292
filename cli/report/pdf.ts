import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'];
const TIME_MAX_MS = 120_000;
const TOLD_MAX = 300;

/**
 * Where Chromium is: what was named, else `IMAPWHY_CHROMIUM`, else the first of the usual names in the PATH. Undefined if there is none.
 * What was named is taken as it is: whoever starts it says so if it is none.
 */
export async function findChromium(
  named: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const chosen = named ?? environment.IMAPWHY_CHROMIUM;
  if (chosen !== undefined && chosen !== '') return chosen;
  for (const name of NAMES)
    for (const folder of (environment.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (folder !== '' && (await isExecutable(path))) return path;
    }
  return undefined;
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

export const NO_CHROMIUM =
  'no Chromium was found, which makes the PDF. Install it (Debian: apt install chromium), or name it with --chromium PATH or IMAPWHY_CHROMIUM.';

/**
 * Prints a page to PDF with a Chromium of its own: an empty profile, no network, gone afterwards. The same page gives the same bytes, because the
 * time of printing is replaced by `dated` (UTC epoch ms). Throws an Error that says what Chromium said.
 */
export async function pdfOf(page: string, chromium: string, dated: number): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-pdf-'));
  try {
    const [from, to] = [join(folder, 'page.html'), join(folder, 'page.pdf')];
    await writeFile(from, page);
    await run(chromium, [
      '--headless',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-extensions',
      '--disable-background-networking',
      '--host-resolver-rules=MAP * ~NOTFOUND',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), // it refuses to run as root otherwise
      `--user-data-dir=${join(folder, 'profile')}`,
      '--no-pdf-header-footer',
      `--print-to-pdf=${to}`,
      from,
    ]);
    return withDate(await readFile(to), dated);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function run(command: string, args: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: TIME_MAX_MS });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 10_000) said += chunk.toString('utf8');
  });
  child.on('error', (error) => reject(new Error(`${command}: cannot be started: ${error.message}`, { cause: error })));
  child.on('close', (code, signal) => {
    if (code === 0) return resolve();
    const end = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    reject(new Error(`${command} ${end} and made no PDF: ${said.trim().slice(-TOLD_MAX) || 'it said nothing'}`));
  });
  return promise;
}

/** Dates of the same length in their place, so that no offset in the file moves. */
function withDate(pdf: Buffer, dated: number): Buffer {
  const stamp = new Date(dated).toISOString().replace(/\D/g, '').slice(0, 14);
  const text = pdf.toString('latin1').replace(/(\/(?:CreationDate|ModDate) ?\(D:)\d{14}/g, `$1${stamp}`);
  return Buffer.from(text, 'latin1');
}
