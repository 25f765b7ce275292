import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createProbe } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type HttpMessage, plainMessage } from '../../models/waf/http-message.ts';
import type { Verdict } from '../../models/waf/proof.ts';
import { AuditVerdicts } from './audit-verdicts.ts';
import { type EngineFiles, type Exclusions, writeEngine } from './engine-files.ts';
import { sendMessages } from './send-messages.ts';

/** A real nginx with ModSecurity on the loopback interface, a child of this process. */
export interface Engine {
  /** What it said of each request; undefined where it refused one before any rule saw it. Wait for the answer before the next call. */
  judge(messages: readonly HttpMessage[], onSent?: () => void): Promise<readonly (Verdict | undefined)[]>;
  stop(): Promise<void>;
}

/** What the engine refuses to load, in its own words. */
export class EngineRefusal extends Error {}

const READY_MS = 15_000;
const BATCH = 2000;
/** Runs a program until our end of its standard input closes: it does not outlive this process, even if that is killed. */
const WITH_US = '"$@" & pid=$!; read -r _; kill $pid; wait $pid';

/** Starts an engine with the exclusions. Throws EngineRefusal if nginx does not accept the configuration, and leaves nothing running. */
export async function startEngine(files: EngineFiles, exclusions: Exclusions): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-waf-'));
  folders.add(folder);
  const upstream = await startUpstream();
  let child: ChildProcess | undefined;
  const verdicts = new AuditVerdicts(join(folder, 'audit.log'));
  const stop = async (): Promise<void> => {
    await verdicts.close();
    await end(child);
    await new Promise((resolve) => upstream.server.close(resolve));
    upstream.server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
    folders.delete(folder);
  };
  try {
    const port = await freePort();
    const configuration = await writeEngine(folder, files, exclusions, { listen: port, upstream: upstream.port });
    await check(files.nginx, folder, configuration);
    child = spawn(
      'sh',
      ['-c', WITH_US, 'sh', files.nginx, '-p', folder, '-c', configuration, '-e', join(folder, 'error.log')],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    await ready(child, port, folder);
    return {
      stop,
      async judge(messages, onSent) {
        const all: (Verdict | undefined)[] = [];
        for (let from = 0; from < messages.length; from += BATCH) {
          const sent = await sendMessages(port, messages.slice(from, from + BATCH), onSent);
          const [last] = await sendMessages(port, [plainMessage('GET', '/')]);
          if (last === undefined) throw new Error('the engine gave no answer to a plain request.');
          const told = await verdicts.upTo(last);
          for (const id of sent) all.push(id === undefined ? undefined : told.get(id));
        }
        return all;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `nginx -t`: whether the files are valid for the engine. Throws EngineRefusal with its words. */
async function check(nginx: string, folder: string, configuration: string): Promise<void> {
  const { code, said } = await run(nginx, ['-t', '-p', folder, '-c', configuration, '-e', join(folder, 'error.log')]);
  if (code !== 0) throw new EngineRefusal(plainWords(said, folder));
}

/** Version and module, as nginx says them. */
export async function engineName(nginx: string): Promise<string> {
  const { said } = await run(nginx, ['-v']);
  return /nginx\/[\w.]{1,32}/.exec(said)?.[0] ?? 'nginx';
}

const plainWords = (said: string, folder: string): string =>
  said
    .split('\n')
    .filter((l) => l.includes('[emerg]') || l.includes('[error]'))
    .map((l) => l.replace(/^.*?\[(?:emerg|error)\] (?:\d+#\d+: )?/, '').replaceAll(`${folder}/rules/`, ''))
    .join('; ') || said.trim().slice(-1000);

function run(program: string, args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-20_000);
      });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, said }));
  });
}

async function ready(child: ChildProcess, port: number, folder: string): Promise<void> {
  const started = performance.now();
  let exited = false;
  child.once('exit', () => {
    exited = true;
  });
  while (!(await answers(port))) {
    if (exited || performance.now() - started > READY_MS) {
      const said = await readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
      throw new EngineRefusal(`nginx did not start: ${plainWords(said, folder) || 'it said nothing'}`);
    }
    await wait(30);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Folders of engines that run; removed however this process ends, unless it is killed outright. */
const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined) return;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}

interface Upstream {
  readonly server: Server;
  readonly port: number;
}

/** The application behind the WAF: answers everything, so that only rules decide. */
function startUpstream(): Promise<Upstream> {
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      request.resume();
      request.once('end', () => response.end('ok\n'));
    });
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve({ server, port: address.port });
      else reject(new Error('no port of the loopback interface is free.'));
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createProbe();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
