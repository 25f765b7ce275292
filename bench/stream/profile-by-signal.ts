/**
 * Loaded into a measured process (`--import`): SIGUSR2 begins a CPU profile, the next SIGUSR2 ends it and writes it to the file named by IMAPWHY_BENCH_PROFILE. A profile of the whole run
 * (`--cpu-prof`) would be part of what is measured: a tenth of the CPU, and of the memory more.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

let session: Session | undefined;

async function begin(): Promise<void> {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
}

async function end(file: string, running: Session): Promise<void> {
  const { profile } = await running.post('Profiler.stop');
  running.disconnect();
  session = undefined;
  // Whoever waits for it finds it whole.
  writeFileSync(`${file}.part`, JSON.stringify(profile));
  renameSync(`${file}.part`, file);
}

process.on('SIGUSR2', () => {
  const file = process.env.IMAPWHY_BENCH_PROFILE;
  if (file === undefined) throw new Error('IMAPWHY_BENCH_PROFILE names no file');
  void (session === undefined ? begin() : end(file, session));
});
