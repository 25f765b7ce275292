import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UseError } from '../use-error.ts';

/** What a person may name; what is left out is looked for where Debian puts it. */
export interface EngineOptions {
  readonly nginx?: string | undefined;
  readonly module?: string | undefined;
  /** Folder of CRS: with `rules/*.conf`, or the rules themselves; `none` for no CRS. */
  readonly crs?: string | undefined;
  readonly crsSetup?: string | undefined;
  /** The site's own rules, in the order in which they are loaded. */
  readonly rules: readonly string[];
  readonly paranoia: number;
}

/** Where the parts of the engine are. */
export interface EngineFiles {
  readonly nginx: string;
  readonly module: string;
  readonly crs: CrsFiles | undefined;
  readonly rules: readonly string[];
  readonly paranoia: number;
}

export interface CrsFiles {
  readonly setup: string | undefined;
  readonly rules: readonly string[];
  readonly lists: readonly string[]; // *.data, which rules read beside themselves
  readonly version: string; // as the rules say: OWASP_CRS/3.3.4
}

export const INSTALL =
  'apt-get install --no-install-recommends nginx-light libnginx-mod-http-modsecurity modsecurity-crs';
const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin/nginx', '/usr/bin/nginx'];
const MODULES = [
  '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so',
  '/usr/lib64/nginx/modules/ngx_http_modsecurity_module.so',
  '/etc/nginx/modules/ngx_http_modsecurity_module.so',
  '/usr/local/nginx/modules/ngx_http_modsecurity_module.so',
];
const CRS = [
  '/usr/share/modsecurity-crs',
  '/etc/nginx/modsec/coreruleset',
  '/usr/local/share/coreruleset',
  '/usr/share/coreruleset',
];
const CRS_SETUPS = ['/etc/modsecurity/crs/crs-setup.conf', '/etc/modsecurity-crs/crs-setup.conf'];

/** Finds the parts. Throws UseError: what is missing, where was looked, and what to install or name. */
export async function findEngine(options: EngineOptions): Promise<EngineFiles> {
  const nginx = found('nginx', '--nginx', options.nginx, [...inPath('nginx'), ...NGINX]);
  const module = found('its ModSecurity module', '--module', options.module, MODULES);
  for (const file of options.rules)
    if (!existsSync(file))
      throw new UseError(`--rules ${file}: no such file. Name the files with your own rules, in their order.`);
  const crs =
    options.crs === 'none' ? undefined : await findCrs(found('CRS', '--crs', options.crs, CRS), options.crsSetup);
  return { nginx, module, crs, rules: options.rules, paranoia: options.paranoia };
}

function found(what: string, option: string, named: string | undefined, places: readonly string[]): string {
  if (named !== undefined) {
    if (existsSync(named)) return named;
    throw new UseError(`${option} ${named}: there is nothing. It should be ${what}.`);
  }
  const place = places.find((p) => existsSync(p));
  if (place !== undefined) return place;
  throw new UseError(
    `the proof needs a real engine, and ${what} was not found. On Debian: ${INSTALL}. Elsewhere name it with ${option} (looked at ${places.slice(-4).join(', ')}).`,
  );
}

const inPath = (program: string): readonly string[] =>
  (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, program));

async function findCrs(folder: string, setup: string | undefined): Promise<CrsFiles> {
  for (const rulesFolder of [join(folder, 'rules', '@owasp_crs'), join(folder, 'rules'), folder]) {
    if (!existsSync(rulesFolder)) continue;
    const names = (await readdir(rulesFolder)).sort();
    const rules = names.filter((n) => /^(?:REQUEST|RESPONSE)-.*\.conf$/.test(n)).map((n) => join(rulesFolder, n));
    const [first] = rules;
    if (first === undefined) continue;
    const setups = [
      ...(folder.startsWith('/usr/share/') ? CRS_SETUPS : []),
      ...['crs-setup.conf', 'rules/@crs-setup.conf.example', 'crs-setup.conf.example'].map((n) => join(folder, n)),
    ];
    if (setup !== undefined && !existsSync(setup)) throw new UseError(`--crs-setup ${setup}: no such file.`);
    const version = /ver:'([^']{1,64})'/.exec(await readFile(first, 'utf8'))?.[1] ?? 'CRS of an unknown version';
    return {
      setup: setup ?? setups.find((s) => existsSync(s)),
      rules,
      lists: names.filter((n) => n.endsWith('.data')).map((n) => join(rulesFolder, n)),
      version,
    };
  }
  throw new UseError(
    `--crs ${folder}: no rules of CRS are in it (rules/REQUEST-901-INITIALIZATION.conf and its like).`,
  );
}

/** Ids used by what is written here; far from those of CRS and of most sites. */
const OWN_ID = 8_999_000;

export interface Exclusions {
  readonly before: string;
  readonly after: string;
}

export interface Ports {
  readonly listen: number;
  readonly upstream: number;
}

/**
 * Writes everything that nginx needs into a folder, and returns its configuration's path. All rules are copied, with an empty line before each directive,
 * because libmodsecurity before 3.0.10 misreads those that follow a comment's end without one in newer CRS.
 */
export async function writeEngine(
  folder: string,
  files: EngineFiles,
  exclusions: Exclusions,
  ports: Ports,
): Promise<string> {
  const rulesFolder = join(folder, 'rules');
  await mkdir(rulesFolder, { recursive: true });
  const order: string[] = [];
  const add = async (name: string, text: string): Promise<void> => {
    const path = join(rulesFolder, `${String(order.length).padStart(3, '0')}-${name}`);
    await writeFile(path, text);
    order.push(path);
  };
  await add('engine.conf', engineRules(folder));
  if (files.crs?.setup !== undefined) await add('crs-setup.conf', spaced(await readFile(files.crs.setup, 'utf8')));
  if (files.crs !== undefined) await add('paranoia.conf', paranoiaRule(files.paranoia));
  await add('exclusions-before.conf', exclusions.before);
  for (const file of files.rules) await add(safeName(file), spaced(await readFile(file, 'utf8')));
  for (const file of files.crs?.rules ?? []) await add(safeName(file), spaced(await readFile(file, 'utf8')));
  await add('exclusions-after.conf', exclusions.after);
  for (const list of files.crs?.lists ?? []) await copyFile(list, join(rulesFolder, basename(list)));
  const all = join(folder, 'rules.conf');
  await writeFile(all, order.map((path) => `Include ${path}\n`).join(''));
  const configuration = join(folder, 'nginx.conf');
  await writeFile(configuration, nginxConfiguration(folder, files.module, all, ports));
  return configuration;
}

const safeName = (file: string): string => basename(file).replace(/[^\w.-]/g, '_');
const spaced = (text: string): string => text.replace(/^(?=[ \t]*Sec[A-Z])/gm, '\n');

/** Blocking, every transaction in the audit log with the rules that matched and nothing of the request. */
const engineRules = (folder: string): string => `
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 1310720
SecResponseBodyAccess Off
SecAuditEngine On
SecAuditLogType Serial
SecAuditLogParts AHZ
SecAuditLog ${folder}/audit.log
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" "id:${OWN_ID},phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/(?:[a-z.+-]+\\+)?json" "id:${OWN_ID + 1},phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
`;

/** CRS 3 and 4 name it differently; both read what is set before them. */
const paranoiaRule = (level: number): string =>
  `SecAction "id:${OWN_ID + 2},phase:1,pass,t:none,nolog,${['paranoia_level', 'executing_paranoia_level', 'blocking_paranoia_level', 'detection_paranoia_level'].map((v) => `setvar:tx.${v}=${level}`).join(',')}"\n`;

/** One process that is a child of this one. Each answer names its transaction, as the audit log does. */
const nginxConfiguration = (folder: string, module: string, rules: string, ports: Ports): string => `
load_module ${module};
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
events { worker_connections 512; }
http {
  access_log off;
  underscores_in_headers on;
  ignore_invalid_headers off;
  lingering_close off;
  large_client_header_buffers 8 64k;
  client_max_body_size 16m;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${ports.listen};
    server_name localhost;
    modsecurity on;
    modsecurity_transaction_id "$request_id";
    modsecurity_rules_file ${rules};
    add_header X-Transaction $request_id always;
    location / { proxy_pass http://127.0.0.1:${ports.upstream}; }
  }
}
`;
