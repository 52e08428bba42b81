import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type SchedulerLike, timer } from 'rxjs';
import { ACCEPTED, CLOSE_BASE, type CloseReason, REFUSED } from '../../core/close-reasons.js';
import type { UpgradeExchange } from './host.js';

/** The time-out of the closing handshake, in ms. */
const GRACE = 1_000;

/** The room of a close frame for its reason, in bytes: RFC 6455, section 5.5. */
const LIMIT = 123;

interface WebSocketHandshake {
  readonly key: string;
  readonly scheduler: SchedulerLike;
}

/** The upgrades that may be rejected with a close frame. */
const handshakes = new WeakMap<Duplex, WebSocketHandshake>();

/** Remembers an upgrade whose client understands close reasons: see `src/core/close-reasons.ts`. Other upgrades are rejected with a status. */
export function noteCloseReasons({ request: { method, headers }, socket }: UpgradeExchange, scheduler: SchedulerLike): void {
  const key = headers['sec-websocket-key'] ?? '';
  const offered = String(headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
  if (!offered.includes(ACCEPTED) || !offered.includes(REFUSED)) return;
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || headers['sec-websocket-version'] !== '13') return;
  if (/^[\w+/]{22}==$/.test(key)) handshakes.set(socket, { key, scheduler });
}

/** Accepts the WebSocket and closes it with the reason. Returns false when the client does not understand close reasons. */
export function rejectWithClose(socket: Duplex, status: number, message: unknown, headers: Readonly<Record<string, string>>): boolean {
  const handshake = handshakes.get(socket);
  if (handshake === undefined) return false;
  handshakes.delete(socket);
  const fields = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': createHash('sha1').update(`${handshake.key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'),
    'Sec-WebSocket-Protocol': REFUSED,
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const reason = Buffer.from(reasonOf(message, headers));
  const code = CLOSE_BASE + status;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head.join('')}\r\n`);
  socket.end(Buffer.concat([Buffer.from([0x88, reason.length + 2, code >> 8, code & 255]), reason]));
  // Closed while the client's own close frame is under way, the connection would be reset, and the client might see only that.
  const grace = timer(GRACE, handshake.scheduler).subscribe(() => socket.destroy());
  socket.once('close', () => grace.unsubscribe());
  socket.once('end', () => socket.destroy());
  socket.resume();
  return true;
}

/** Prints the reason. Details that do not fit are left out, and a long message is truncated. */
function reasonOf(
  message: unknown,
  { 'WWW-Authenticate': authenticate, 'Retry-After': retryAfter }: Readonly<Record<string, string>>,
): string {
  let error = typeof message === 'string' ? message : JSON.stringify(message);
  const print = (more: CloseReason) => JSON.stringify({ error, ...more });
  const after = retryAfter ? { retryAfter: Number(retryAfter) * 1000 } : {};
  const whole = print({ ...after, ...(authenticate && { authenticate }) });
  if (Buffer.byteLength(whole) <= LIMIT) return whole;
  error = error.slice(0, LIMIT);
  while (Buffer.byteLength(print(after)) > LIMIT) error = error.slice(0, -1);
  return print(after);
}
