import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below those that systems give to outgoing connections (32768 and up on Linux, 49152 elsewhere). A port from there may be taken by anybody's connection between the moment
 * it was found free and the start of its server, and again whenever that server is killed and started anew: then it cannot listen.
 */
const PORTS = { from: 20_000, to: 32_000 } as const;
const ATTEMPTS_MAX = 200;

/** A port of the loopback interface that nobody listens on, and no outgoing connection will take. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port was found between ${PORTS.from} and ${PORTS.to}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
