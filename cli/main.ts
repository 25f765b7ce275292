import { Command, CommanderError } from 'commander';
import { terminalText } from '../reports/clean-text.ts';
import { registerAnalyze } from './analyze.ts';
import { registerAnomaly } from './anomaly.ts';
import { registerDlq } from './dlq.ts';
import { registerDoctor } from './doctor.ts';
import { registerEvaluate } from './evaluate.ts';
import { registerExplain } from './explain.ts';
import { registerParse } from './parse.ts';
import { registerPredict } from './predict.ts';
import { registerRun } from './run.ts';
import { registerSend } from './send.ts';
import { registerSetup } from './setup.ts';
import { registerTrain } from './train.ts';
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
registerAnalyze(program);
registerExplain(program);
registerParse(program);
registerAnomaly(program);
registerEvaluate(program);
registerTrain(program);
registerPredict(program);
registerRun(program);
registerSend(program);
registerDlq(program);
registerDoctor(program);
registerSetup(program);
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
