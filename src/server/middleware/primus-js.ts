import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from './layers.js';
import { StaticText } from './static-text.js';

/** Creates the middleware that serves `GET <pathname>/primus.js`: the client library. It is compressed once, until it changes. */
export function primusJs(this: { pathname: string; library(): string }): Middleware {
  let file: StaticText | undefined;
  const middleware = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!asks(request, this.pathname, 'primus.js')) return false;
    const source = this.library();
    if (file?.text !== source) file = new StaticText(source, 'text/javascript; charset=utf-8');
    file.send(request, response);
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
