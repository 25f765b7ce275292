/**
 * What a secured Elasticsearch has in front of it, for one that has no security: TLS with a certificate of ours, and a password. The answers to those without one are those of
 * Elasticsearch's own security (`security_exception`, WWW-Authenticate); everything else is passed on to the real server and back.
 */
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { STORE_PASSWORD } from './certificates.ts';

export interface Gate {
  readonly url: string;
  /** What must be in the header; undefined: anybody may pass. */
  authorization: string | undefined;
  close(): Promise<void>;
}

/** `certificate`: `valid` or `expired`, as `makeCertificates` put them into `folder`. */
export async function startGate(target: string, folder: string, certificate: 'valid' | 'expired'): Promise<Gate> {
  const pfx = await readFile(join(folder, `${certificate}.p12`));
  const server = createServer({ pfx, passphrase: STORE_PASSWORD }, (incoming, answer) => {
    if (gate.authorization === undefined || incoming.headers.authorization === gate.authorization)
      pass(target, incoming, answer);
    else refuse(incoming, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const gate: Gate = {
    url: `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    authorization: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return gate;
}

function refuse(incoming: IncomingMessage, answer: ServerResponse): void {
  incoming.resume();
  const reason = `unable to authenticate user for REST request [${incoming.url}]`;
  const headers = {
    'content-type': 'application/json',
    'x-elastic-product': 'Elasticsearch',
    'www-authenticate': 'ApiKey',
  };
  const error = { root_cause: [{ type: 'security_exception', reason }], type: 'security_exception', reason };
  answer.writeHead(401, headers).end(JSON.stringify({ error, status: 401 }));
}

function pass(target: string, incoming: IncomingMessage, answer: ServerResponse): void {
  const { host: _, authorization: __, ...headers } = incoming.headers;
  const request = httpRequest(`${target}${incoming.url}`, { method: incoming.method ?? 'GET', headers }, (response) => {
    answer.writeHead(response.statusCode ?? 0, response.headers);
    response.pipe(answer);
  });
  request.on('error', () => answer.destroy());
  incoming.pipe(request);
}
