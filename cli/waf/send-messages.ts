import { connect } from 'node:net';
import { type HttpMessage, wireText } from '../../models/waf/http-message.ts';

const AT_ONCE = 16;
const ANSWER_MS = 10_000;
const HEAD_MAX = 16_384;

/**
 * Sends requests byte for byte, each on a connection of its own, some at once. Returns for each the transaction that the answer names; undefined where the
 * server refused it before any rule saw it, or where it cannot be sent. Rejects when the server cannot be reached.
 */
export async function sendMessages(
  port: number,
  messages: readonly HttpMessage[],
  onSent: () => void = () => {},
): Promise<readonly (string | undefined)[]> {
  const answers = new Array<string | undefined>(messages.length).fill(undefined);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < messages.length; i = next++) {
      const message = messages[i];
      const text = message === undefined ? undefined : wireText(message);
      if (text !== undefined) answers[i] = await sendOne(port, text);
      onSent();
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, messages.length) }, work));
  return answers;
}

function sendOne(port: number, text: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let head = '';
    let connected = false;
    const finish = (): void => {
      socket.destroy();
      resolve(/^x-transaction: ([0-9a-f]{32})\r?$/im.exec(head)?.[1]);
    };
    socket.setEncoding('latin1');
    socket.setTimeout(ANSWER_MS, finish);
    socket.once('connect', () => {
      connected = true;
      socket.write(text);
    });
    socket.on('data', (chunk: string) => {
      head += chunk;
      if (head.includes('\r\n\r\n') || head.length > HEAD_MAX) finish();
    });
    socket.once('end', finish);
    socket.once('error', (error) => (connected ? finish() : reject(error))); // a reset is an answer too
  });
}
