/**
 * npm run test:servers [-- [--install] [--long]]: the tests that need more than Node and this checkout. They fetch what they need (npm, Debian's nginx, Kafka
 * from Maven Central) into temporary folders and caches; only with --install may they change the system, by apt. A missing nginx is skipped, and said;
 * missing Java or Maven fails with the command that installs it.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const suites = [
  'packaging.ts',
  'fresh-clone.ts',
  'nginx.ts',
  'waf.ts',
  'web.ts',
  'elasticsearch-output.ts',
  'elasticsearch-setup-command.ts',
  'elasticsearch-feedback.ts',
  'elasticsearch-kibana.ts',
  'elasticsearch-search.ts',
  'kafka-port.ts',
  'kafka-offsets.ts',
  'streaming.ts',
  'streaming-service.ts',
  'streaming-input.ts',
  'streaming-stop.ts',
  'streaming-rights.ts',
  'chaos.ts',
  'onnx-parity.ts',
  'kafka-commands.ts',
  'doctor.ts',
  'compose.ts',
];
/** Minutes of servers that are killed, frozen, starved and refuse; `npm run test:chaos` goes on from there. */
const longSuites = ['elasticsearch-refusals.ts', 'kafka-trouble.ts', 'streaming-trouble.ts', 'streaming-topics.ts'];
const args = process.argv.slice(2);
if (args.some((arg) => arg !== '--install' && arg !== '--long')) {
  process.stderr.write('usage: npm run test:servers [-- [--install] [--long]]\n');
  process.exit(2);
}
process.stdout.write(
  'Tests of the package, of a fresh clone, and on real servers: nginx, Elasticsearch, Kafka (IMAPWHY_TEST_KAFKA=host:port names a running one).\n',
);
const chosen = args.includes('--long') ? [...suites, ...longSuites] : suites;
const child = spawn(
  process.execPath,
  ['--test', '--test-reporter=spec', '--test-concurrency=1', ...chosen.map((name) => join(import.meta.dirname, name))],
  { stdio: 'inherit', env: { ...process.env, IMAPWHY_INSTALL: args.includes('--install') ? '1' : '0' } },
);
child.on('exit', (code) => process.exit(code ?? 1));
