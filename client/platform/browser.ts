import { Observable } from 'rxjs';
import { clock } from './clock.js';
import type { Platform, WebSocketLike } from './platform.js';

/** A page or a worker. */
export const browser: Platform = {
  webSocket: (url) => new WebSocket(url) as WebSocketLike,
  network$: new Observable((subscriber) => {
    const online = () => subscriber.next(true);
    const offline = () => subscriber.next(false);
    addEventListener('online', online);
    addEventListener('offline', offline);
    return () => {
      removeEventListener('online', online);
      removeEventListener('offline', offline);
    };
  }),
  without: { headers: ['left to Node: a page uses credentials', () => false] },
  origin: globalThis.location?.origin,
  scheduler: clock,
  random: Math.random,
  // As any other exception that nobody caught: in the console, and to `onerror`.
  report: (error) =>
    queueMicrotask(() => {
      throw error;
    }),
};
