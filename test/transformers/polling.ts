import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { cleanup } from '../support/serve.js';

/** The target of a request of Engine.IO by polling. */
export const target = (query = ''): string => `/primus/?EIO=4&transport=polling${query}`;

/** The answer to a request. */
export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Sends a request of Engine.IO by polling, on a connection of its own. */
export function ask(port: number, method: string, query = '', body?: string | Buffer, headers = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent();
    cleanup(() => agent.destroy());
    const request = httpRequest(
      { port, method, path: target(query), headers: { 'Content-Type': 'text/plain', ...headers }, agent },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Opens a session. */
export async function handshake(port: number): Promise<{ sid: string }> {
  const { body } = await ask(port, 'GET');
  return JSON.parse(body.slice(1));
}
