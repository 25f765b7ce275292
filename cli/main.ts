import { Command, CommanderError } from 'commander';
import { terminalText } from '../reports/clean-text.ts';
import { UseError } from './use-error.ts';
import { version } from './version.ts';

const DONE = 0;
const FAILED = 1;
const WRONG_USE = 2;

const program = new Command('imapwhy')
  .description(
    'Tells why an IMAP connection timed out: joins mail, proxy, WAF, VPN and firewall logs into sessions and names the cause with evidence.',
  )
  .version(version)
  .showHelpAfterError('(imapwhy --help tells more)')
  .exitOverride()
  .addHelpText(
    'after',
    '\nFirst steps:\n  imapwhy analyze /var/log/mail.log* /var/log/haproxy.log\n  imapwhy explain --user anna --at 09:13',
  );
/** In the order of the help. Only the command that is asked for is loaded, which halves the start; without one (help, a slip) all are. */
const COMMANDS = new Map<string, () => Promise<(program: Command) => void>>([
  ['analyze', async () => (await import('./analyze.ts')).registerAnalyze],
  ['explain', async () => (await import('./explain.ts')).registerExplain],
  ['report', async () => (await import('./report.ts')).registerReport],
  ['feedback', async () => (await import('./feedback.ts')).registerFeedback],
  ['serve', async () => (await import('./serve.ts')).registerServe],
  ['user', async () => (await import('./user.ts')).registerUser],
  ['parse', async () => (await import('./parse.ts')).registerParse],
  ['anomaly', async () => (await import('./anomaly.ts')).registerAnomaly],
  ['evaluate', async () => (await import('./evaluate.ts')).registerEvaluate],
  ['fit', async () => (await import('./fit.ts')).registerFit],
  ['train', async () => (await import('./train.ts')).registerTrain],
  ['predict', async () => (await import('./predict.ts')).registerPredict],
  ['run', async () => (await import('./run.ts')).registerRun],
  ['send', async () => (await import('./send.ts')).registerSend],
  ['dlq', async () => (await import('./dlq.ts')).registerDlq],
  ['doctor', async () => (await import('./doctor.ts')).registerDoctor],
  ['waf', async () => (await import('./waf.ts')).registerWaf],
  ['setup', async () => (await import('./setup.ts')).registerSetup],
]);
const asked = COMMANDS.get(process.argv[2] ?? '');
for (const load of asked ? [asked] : COMMANDS.values()) (await load())(program);
for (const command of allCommands(program)) command.exitOverride();

// A reader that went away (| head) is no failure, and who cannot be told that something failed need not be.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(
    `imapwhy: standard output cannot be written (${error.code ?? error.message}): free some space, or send it elsewhere.\n`,
  );
  process.exit(FAILED);
});
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USE; // commander has said what is wrong
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`imapwhy: ${terminalText(message)}\n`);
  return error instanceof UseError ? WRONG_USE : FAILED;
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((c) => [c, ...allCommands(c)]);
}
