import { asyncScheduler, fromEvent, map, merge, NEVER } from 'rxjs';
import type { Platform, WebSocketLike } from './platform.js';

/** A page or a worker. */
export const browser: Platform = {
  webSocket: (url) => new WebSocket(url) as WebSocketLike,
  network$:
    typeof addEventListener === 'function'
      ? merge(fromEvent(globalThis, 'online').pipe(map(() => true)), fromEvent(globalThis, 'offline').pipe(map(() => false)))
      : NEVER,
  origin: typeof location === 'object' ? location.origin : undefined,
  scheduler: asyncScheduler,
  random: Math.random,
  report: (error) => reportError(error),
};
