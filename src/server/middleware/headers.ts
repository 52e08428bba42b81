import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from './layers.js';

/** Creates the middleware that forbids caches to store the answers of a live connection. */
export function noCache(): Middleware {
  return headers({ 'Cache-Control': 'no-store, no-cache, must-revalidate, max-age=0', Pragma: 'no-cache' });
}

/** Creates the middleware that disables the XSS filters of old browsers, which attackers can use against a page. */
export function xXss(): Middleware {
  return headers({ 'X-XSS-Protection': '0' });
}

function headers(fields: Record<string, string>): Middleware {
  const middleware = (_request: IncomingMessage, response: ServerResponse): void => {
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
  };
  return Object.assign(middleware, { upgrade: false });
}
