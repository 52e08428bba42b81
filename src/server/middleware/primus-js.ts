import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from './layers.js';

/** `GET <pathname>/primus.js`: the client library. */
export function primusJs(this: { pathname: string; library(): string }): Middleware {
  const middleware = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!asks(request, this.pathname, 'primus.js')) return false;
    answer(request, response, 'text/javascript; charset=utf-8', this.library());
    return true;
  };
  return Object.assign(middleware, { upgrade: false });
}

/** Whether a GET or HEAD request is for exactly this file below the pathname. */
export function asks({ method, url = '' }: IncomingMessage, pathname: string, file: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const path = pathname === '/' ? `/${file}` : `${pathname}/${file}`;
  return url === path || url.startsWith(`${path}?`);
}

export function answer(request: IncomingMessage, response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'X-Content-Type-Options': 'nosniff' });
  response.end(request.method === 'HEAD' ? undefined : body);
}
