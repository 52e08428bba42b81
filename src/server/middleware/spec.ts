import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from './layers.js';
import { answer, asks } from './primus-js.js';

/** `GET <pathname>/spec`: what a client must know to talk to this server. */
export function spec(this: { pathname: string; spec: object }): Middleware {
  const middleware = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!asks(request, this.pathname, 'spec')) return false;
    answer(request, response, 'application/json; charset=utf-8', JSON.stringify(this.spec));
    return true;
  };
  return Object.assign(middleware, { upgrade: false });
}
