import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from './layers.js';

/** Answers of a live connection must not be cached. */
export function noCache(): Middleware {
  return headers({ 'Cache-Control': 'no-cache, no-store, must-revalidate', Pragma: 'no-cache' });
}

/** Switches off the XSS filters of old browsers, which can be turned against a page. */
export function xXss(): Middleware {
  return headers({ 'X-XSS-Protection': '0' });
}

function headers(fields: Record<string, string>): Middleware {
  const middleware = (_request: IncomingMessage, response: ServerResponse): void => {
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
  };
  return Object.assign(middleware, { upgrade: false });
}
