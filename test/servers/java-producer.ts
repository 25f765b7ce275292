import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { succeed } from './command.ts';
import { classPath } from './java.ts';
import type { KafkaServer } from './kafka.ts';

/** Kafka's own console producer: the reference for what each codec looks like. */
export async function javaProducer(
  server: KafkaServer,
  topic: string,
  codec: string,
  lines: readonly string[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-lines-'));
  const file = join(folder, 'lines');
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  const jars = await classPath(join(import.meta.dirname, 'pom.xml'));
  const args = ['-cp', jars, 'org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', server.brokers.join(',')];
  const shell = ['-c', 'file=$1; shift; exec java "$@" < "$file"', 'sh', file];
  await succeed('sh', [...shell, ...args, '--topic', topic, '--compression-codec', codec], { cwd: folder });
  await rm(folder, { recursive: true });
}
