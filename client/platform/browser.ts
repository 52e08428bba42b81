import { Observable } from 'rxjs';
import { clock } from './clock.js';
import type { Platform, WebSocketLike } from './platform.js';

/**
 * A page, a worker, an edge runtime or React Native. Only pages and workers have all of these features; React Native has no events of
 * the network here, and no address.
 */
export const browser: Platform = {
  webSocket: (url) => new WebSocket(url) as WebSocketLike,
  network$: new Observable((subscriber) => {
    const changed = ({ type }: Event) => subscriber.next(type === 'online');
    for (const type of typeof addEventListener === 'function' ? ['online', 'offline'] : []) {
      addEventListener(type, changed);
      subscriber.add(() => removeEventListener(type, changed));
    }
  }),
  without: { headers: ['replaced by `credentials` in a page', () => false] },
  origin: globalThis.location?.origin,
  // Read when asked: a page changes its address without a reload.
  get page() {
    return globalThis.location?.href;
  },
  scheduler: clock,
  random: Math.random,
  // Like any other uncaught exception: in the console, and to `onerror`.
  report: (error) =>
    queueMicrotask(() => {
      throw error;
    }),
};
