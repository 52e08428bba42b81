import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FayeInternals } from '../../shared/server/faye-input.js';

/** The part of faye-websocket that is used. */
export interface FayeWebSocket extends FayeInternals {
  readonly readyState: number;
  on(event: 'open', listener: () => void): void;
  on(event: 'message', listener: (event: { data: string | Buffer }) => void): void;
  on(event: 'error', listener: (event: { message: string }) => void): void;
  on(event: 'close', listener: (event: { code: number; reason: string }) => void): void;
  send(data: string | Buffer): void;
  close(code: number, reason: string): void;
}

/** The constructor that faye-websocket exports. */
export type FayeConstructor = new (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocols: string[],
  options: object,
) => FayeWebSocket;

export const OPEN = 1;
