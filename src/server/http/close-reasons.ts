import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type SchedulerLike, timer } from 'rxjs';
import { ACCEPTED, CLOSE_BASE, type CloseReason, REFUSED } from '../../core/close-reasons.js';
import type { UpgradeExchange } from './host.js';

/** How long a client may take to answer the close, in ms. */
const GRACE = 1_000;

/** The bytes a close frame has for its reason: RFC 6455, section 5.5. */
const LIMIT = 123;

interface Handshake {
  readonly key: string;
  readonly scheduler: SchedulerLike;
}

/** The upgrades that may be refused this way. */
const handshakes = new WeakMap<Duplex, Handshake>();

/** Takes note of an upgrade by a client that understands: see `src/core/refusal.ts`. Any other one is refused by a status. */
export function noteCloseReasons({ request: { method, headers }, socket }: UpgradeExchange, scheduler: SchedulerLike): void {
  const key = headers['sec-websocket-key'] ?? '';
  const offered = String(headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
  if (!offered.includes(ACCEPTED) || !offered.includes(REFUSED)) return;
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || headers['sec-websocket-version'] !== '13') return;
  if (/^[\w+/]{22}==$/.test(key)) handshakes.set(socket, { key, scheduler });
}

/** Accepts and closes, if the upgrade is one of those. */
export function rejectWithClose(socket: Duplex, status: number, message: unknown, headers: Record<string, string>): boolean {
  const handshake = handshakes.get(socket);
  if (handshake === undefined) return false;
  handshakes.delete(socket);
  const fields = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': createHash('sha1').update(`${handshake.key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'),
    'Sec-WebSocket-Protocol': REFUSED,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const reason = Buffer.from(reasonOf(message, headers));
  const code = CLOSE_BASE + status;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
  socket.end(Buffer.concat([Buffer.from([0x88, reason.length + 2, code >> 8, code & 255]), reason]));
  // Cut while the client's own close frame is under way, the line would be reset, and the client might see only that.
  const grace = timer(GRACE, handshake.scheduler).subscribe(() => socket.destroy());
  socket.once('close', () => grace.unsubscribe());
  socket.once('end', () => socket.destroy());
  socket.resume();
  return true;
}

/** What does not fit is left out, and a long message cut. */
function reasonOf(message: unknown, { 'WWW-Authenticate': authenticate, 'Retry-After': retryAfter }: Record<string, string>): string {
  let error = typeof message === 'string' ? message : JSON.stringify(message);
  const print = (more: CloseReason) => JSON.stringify({ error, ...more });
  const after = retryAfter ? { retryAfter: Number(retryAfter) * 1000 } : {};
  const whole = print({ ...after, ...(authenticate && { authenticate }) });
  if (Buffer.byteLength(whole) <= LIMIT) return whole;
  error = error.slice(0, LIMIT);
  while (Buffer.byteLength(print(after)) > LIMIT) error = error.slice(0, -1);
  return print(after);
}
