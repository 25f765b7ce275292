/** An HTTP proxy in front of a server that breaks chosen requests in ways that only networks and gateways do. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';

export type Fault =
  | 'none'
  | 'refuse' // the connection ends before the request is read
  | 'reset-before' // it ends after the request, which never arrives
  | 'reset-after' // the request arrives, the answer does not
  | 'cut-answer' // half of the answer arrives
  | 'wrong-count' // the answer lacks an item
  | 'hang' // the request arrives, nothing ever comes back
  | 'hang-in-answer' // the answer stops after its first half
  | 'login-page' // 200 with a page instead of the answer
  | 'busy-429' // 429 with Retry-After of a gateway
  | 'gateway-502';

export interface FaultProxy {
  readonly url: string;
  /** How many bulk requests met a fault since `fail` was called. */
  readonly failed: number;
  /** Bulk requests that have come and have no answer yet. */
  readonly underWay: number;
  /** Breaks the next bulk requests, that many. */
  fail(fault: Fault, times: number): void;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let fault: Fault = 'none';
  let times = 0;
  let failed = 0;
  let underWay = 0;
  const server = createServer((incoming, answer) => {
    const isBulk = incoming.url?.startsWith('/_bulk') ?? false;
    const breaks = isBulk && times > 0 && fault !== 'none';
    if (breaks) {
      times--;
      failed++;
    }
    if (isBulk) {
      underWay++;
      answer.once('close', () => underWay--);
    }
    handle(target, incoming, answer, breaks ? fault : 'none').catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    get failed() {
      return failed;
    },
    get underWay() {
      return underWay;
    },
    fail(next, count) {
      fault = next;
      times = count;
      failed = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function handle(target: string, incoming: IncomingMessage, answer: ServerResponse, fault: Fault): Promise<void> {
  if (fault === 'refuse') {
    incoming.socket.destroy();
    return;
  }
  const body = await collect(incoming);
  if (fault === 'reset-before') {
    incoming.socket.destroy();
    return;
  }
  if (fault === 'busy-429') {
    answer.writeHead(429, { 'content-type': 'text/html', 'retry-after': '1' }).end('<html>slow down');
    return;
  }
  if (fault === 'gateway-502') {
    answer.writeHead(502, { 'content-type': 'text/html' }).end('<html>bad gateway');
    return;
  }
  if (fault === 'login-page') {
    answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>please log in');
    return;
  }
  const real = await forward(target, incoming, body);
  if (fault === 'reset-after') incoming.socket.destroy();
  else if (fault === 'none') answer.writeHead(real.status, real.headers).end(real.body);
  else if (fault === 'cut-answer' || fault === 'hang-in-answer') {
    answer.writeHead(real.status, { ...real.headers, 'content-length': String(real.body.length) });
    answer.write(real.body.subarray(0, real.body.length >> 1));
    if (fault === 'cut-answer') setImmediate(() => incoming.socket.destroy());
  } else if (fault === 'wrong-count') {
    const changed = JSON.parse(real.body.toString());
    changed.items.pop();
    const { 'content-length': _, ...headers } = real.headers;
    answer.writeHead(real.status, headers).end(JSON.stringify(changed));
  }
}

interface Real {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function forward(target: string, incoming: IncomingMessage, body: Buffer): Promise<Real> {
  const { host: _, ...headers } = incoming.headers;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${target}${incoming.url}`,
      { method: incoming.method ?? 'GET', headers },
      (response) => {
        collect(response).then((answer) => {
          const kept = ['content-type', 'x-elastic-product', 'warning'].flatMap((name) => {
            const value = response.headers[name];
            return typeof value === 'string' ? [[name, value] as const] : [];
          });
          resolve({
            status: response.statusCode ?? 0,
            headers: { ...Object.fromEntries(kept), 'content-length': String(answer.length) },
            body: answer,
          });
        }, reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
