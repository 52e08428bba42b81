import type { Socket } from 'node:net';
import type { HttpServer } from './host.js';

/** The part of an HTTP/2 session that is used. */
interface Session {
  close(): void;
  once(event: 'close', listener: () => void): void;
}

/** The connections of an HTTP server. */
export interface HttpConnections {
  /** Ends those that nobody uses, and no new request comes by the others. */
  close(): void;
  /** Cuts them all. */
  destroy(): void;
  /** Takes no more notice of new ones. */
  forget(): void;
}

/**
 * The connections of an HTTP server. Those of HTTP/1 keep a list themselves and close what is idle; with HTTP/2 a session goes on after
 * `server.close()` for as long as the client likes, and nobody has a list.
 */
export function trackHttpConnections(server: HttpServer): HttpConnections {
  if (server.closeAllConnections !== undefined) return { close() {}, destroy: () => server.closeAllConnections?.(), forget() {} };
  const sockets = kept<Socket>();
  const sessions = kept<Session>();
  server.on('connection', sockets.add);
  server.on('session' as 'connection', sessions.add as never);
  return {
    close: () => sessions.each((session) => session.close()),
    destroy: () => sockets.each((socket) => socket.destroy()),
    forget() {
      server.removeListener('connection', sockets.add);
      server.removeListener('session', sessions.add);
    },
  };
}

/** Things that are kept until they close. */
function kept<T extends { once(event: 'close', listener: () => void): void }>() {
  const all = new Set<T>();
  return {
    add(thing: T): void {
      all.add(thing);
      thing.once('close', () => all.delete(thing));
    },
    each(action: (thing: T) => void): void {
      for (const thing of [...all]) action(thing);
    },
  };
}
