/**
 * A TCP proxy between our processes and a broker that reads the head of each request: it knows who is in the middle of what, and breaks off at a
 * named point. Who is who, the client id says. Format: https://kafka.apache.org/protocol#protocol_messages
 */
import { connect, createServer, type Socket } from 'node:net';

/** Requests of the protocol that mark a point in our work. */
export const API = { produce: 0, offsetCommit: 8, addPartitions: 24, endTransaction: 26 } as const;

export interface ProxiedRequest {
  readonly api: number;
  readonly client: string;
  readonly bytes: Buffer;
}

export type Act =
  | 'drop' // it never arrives
  | 'half' // its first half arrives
  | 'pass'; // it arrives, its answer does not

export interface Trap {
  readonly matches: (request: ProxiedRequest) => boolean;
  readonly act: Act;
  /** At that moment, before anything else happens. The connection is cut afterwards. */
  readonly sprung?: () => void;
}

export interface KafkaProxy {
  readonly address: string;
  readonly port: number;
  /** Where the broker listens. */
  target: number;
  /** The next request that matches meets it, once. */
  trap: Trap | undefined;
  /** Whether a client, by the beginning of its id, has a transaction open. */
  isInTransaction(client: string): boolean;
  /** Requests by client and api. */
  count(client: string, api: number): number;
  close(): Promise<void>;
}

export async function startKafkaProxy(): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  const inTransaction = new Map<Socket, string>();
  const counts = new Map<string, number>();
  const server = createServer((client) => {
    const broker = connect(proxy.target, '127.0.0.1');
    const cut = (): void => {
      for (const socket of [client, broker]) {
        socket.destroy();
        sockets.delete(socket);
      }
      inTransaction.delete(client);
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', cut).on('close', cut);
    }
    broker.on('data', (bytes) => void client.write(bytes));
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (bytes: Buffer) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (;;) {
        const size = rest.length < 4 ? Number.POSITIVE_INFINITY : rest.readInt32BE(0) + 4;
        if (rest.length < size) return;
        const frame = rest.subarray(0, size);
        rest = rest.subarray(size);
        const request = requestOf(frame);
        note(client, request);
        const { trap } = proxy;
        if (trap?.matches(request) !== true) {
          broker.write(frame);
          continue;
        }
        proxy.trap = undefined;
        if (trap.act === 'half') broker.write(frame.subarray(0, size >> 1));
        if (trap.act === 'pass') {
          // The answer goes nowhere, and the broker has the request before the connection ends.
          broker.removeAllListeners('data').write(frame);
          broker.once('data', cut);
          client.destroy();
        } else cut();
        trap.sprung?.();
        return;
      }
    });
  });
  const note = (client: Socket, { api, client: name }: ProxiedRequest): void => {
    const key = `${name} ${api}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (api === API.addPartitions) inTransaction.set(client, name);
    else if (api === API.endTransaction) inTransaction.delete(client);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const proxy: KafkaProxy = {
    address: `127.0.0.1:${port}`,
    port,
    target: 0,
    trap: undefined,
    isInTransaction: (client) => [...inTransaction.values()].some((name) => name.startsWith(client)),
    count: (client, api) =>
      [...counts].reduce((sum, [key, n]) => (key.startsWith(client) && key.endsWith(` ${api}`) ? sum + n : sum), 0),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Size, api, version, correlation, client id. */
function requestOf(frame: Buffer): ProxiedRequest {
  const api = frame.length >= 6 ? frame.readInt16BE(4) : -1;
  const length = frame.length >= 14 ? Math.max(0, frame.readInt16BE(12)) : 0;
  return { api, client: frame.toString('utf8', 14, 14 + length), bytes: frame };
}
