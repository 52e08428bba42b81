import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UpgradeExchange } from '../../../src/server/http/host.js';
import { type Rejection, reject } from '../../../src/server/http/reject.js';

const VERSION = { 'Sec-WebSocket-Version': '13' };

/** Checks a WebSocket handshake (RFC 6455, section 4.2.1) for frameworks that do not, or that take older drafts. Rejects a malformed one. */
export function checkHandshake({ request, socket }: UpgradeExchange): boolean {
  const rejection = rejectionOf(request);
  if (rejection !== undefined) reject(socket, rejection);
  return rejection === undefined;
}

function rejectionOf({ method, headers }: IncomingMessage): Rejection | undefined {
  if (method !== 'GET') return { status: 405, message: 'A WebSocket begins with GET', headers: { Allow: 'GET' } };
  if (headers.upgrade?.toLowerCase() !== 'websocket') return { status: 400, message: 'The only upgrade is to websocket' };
  if (!/(?:^|[\s,])upgrade(?:[\s,]|$)/i.test(headers.connection ?? ''))
    return { status: 400, message: 'The Connection header must name Upgrade' };
  if (!/^[+/0-9a-z]{22}==$/i.test(String(headers['sec-websocket-key'] ?? '')))
    return { status: 400, message: 'The Sec-WebSocket-Key is missing or malformed' };
  if (headers['sec-websocket-version'] !== '13') return { status: 426, message: 'The only version of WebSocket is 13', headers: VERSION };
  return undefined;
}

/** Returns what came with an upgrade request, and after it while middleware took its time. */
export function headOf(socket: Duplex, head: Buffer): Buffer {
  const more = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null;
  return more === null ? head : Buffer.concat([head, more]);
}
