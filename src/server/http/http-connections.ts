import type { Socket } from 'node:net';
import type { HttpServer } from './host.js';

/** The members of an HTTP/2 session that are used. */
interface Http2Session {
  close(): void;
  once(event: 'close', listener: () => void): void;
}

/** The connections of an HTTP server. */
export interface HttpConnections {
  /** Closes idle connections, and keeps new requests from the others. */
  close(): void;
  /** Terminates all connections at once. */
  destroy(): void;
  /** Stops tracking new connections. */
  forget(): void;
}

/**
 * Tracks the connections of an HTTP server. An HTTP/1 server keeps a list itself and closes idle connections. With HTTP/2 a session
 * goes on after `server.close()` for as long as the client likes, and Node keeps no list.
 */
export function trackHttpConnections(server: HttpServer): HttpConnections {
  if (server.closeAllConnections !== undefined) {
    return { close: () => server.closeIdleConnections?.(), destroy: () => server.closeAllConnections?.(), forget() {} };
  }
  const sockets = openOnes<Socket>();
  const sessions = openOnes<Http2Session>();
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

/** A set whose entries are removed when they close. */
function openOnes<T extends { once(event: 'close', listener: () => void): void }>() {
  const all = new Set<T>();
  return {
    add(entry: T): void {
      all.add(entry);
      entry.once('close', () => all.delete(entry));
    },
    each(action: (entry: T) => void): void {
      for (const entry of [...all]) action(entry);
    },
  };
}
