import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from './layers.js';
import { asks, reads, rejectMethod } from './primus-js.js';

/** Creates the middleware that serves `GET <pathname>/spec`: the specification of the server, which shows a client how to connect. */
export function spec(this: { pathname: string; spec: object }): Middleware {
  let made = { text: '', body: Buffer.alloc(0) };
  const middleware = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!asks(request, this.pathname, 'spec')) return false;
    if (!reads(request)) return rejectMethod(response);
    const text = JSON.stringify(this.spec);
    // Answers that wait for a slow consumer share their body.
    if (text !== made.text) made = { text, body: Buffer.from(text) };
    const { body } = made;
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'X-Content-Type-Options': 'nosniff',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  };
  return Object.assign(middleware, { upgrade: false });
}
