import type { IncomingMessage, ServerResponse } from 'node:http';
import { reject } from '../http/reject.js';
import type { Middleware } from './layers.js';
import { StaticText } from './static-text.js';

/** Creates the middleware that serves `GET <pathname>/primus.js`: the client library. It is compressed once, until it changes. */
export function primusJs(this: { pathname: string; library(): string }): Middleware {
  let file: StaticText | undefined;
  const middleware = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!asks(request, this.pathname, 'primus.js')) return false;
    if (!reads(request)) return rejectMethod(response);
    const source = this.library();
    if (file?.text !== source) file = new StaticText(source, 'text/javascript; charset=utf-8');
    file.send(request, response);
    return true;
  };
  return Object.assign(middleware, { upgrade: false });
}

/** Whether a request is for exactly this file below the pathname. */
export function asks({ url = '' }: IncomingMessage, pathname: string, file: string): boolean {
  const path = pathname === '/' ? `/${file}` : `${pathname}/${file}`;
  return url === path || url.startsWith(`${path}?`);
}

/** Whether a request has one of the methods that a file is served for. */
export function reads({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Rejects a request for a file with another method. */
export function rejectMethod(response: ServerResponse): true {
  return reject(response, { status: 405, headers: { Allow: 'GET, HEAD' } });
}
