import type { Http2SecureServer } from 'node:http2';
import type { TLSSocket } from 'node:tls';

/**
 * Closes the connections of an HTTP/2 server on which nothing happens: Node.js does that on HTTP/1 servers only. A session without open
 * streams, and a socket that never sends a byte, end after `limit` ms.
 */
export function closeIdleConnections(server: Http2SecureServer, limit: number): void {
  server.on('session', (session) => {
    let streams = 0;
    session.on('stream', (stream) => {
      streams++;
      stream.once('close', () => streams--);
    });
    session.setTimeout(limit, () => streams === 0 && session.close());
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') return;
    const timer = setTimeout(() => socket.bytesRead === 0 && socket.destroy(), limit);
    socket.once('close', () => clearTimeout(timer));
  });
}
