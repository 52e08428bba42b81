import { tooLong } from '../../../src/core/close-reasons.js';

/** The part of the class of WebSockets of ws that is used. */
// biome-ignore lint/suspicious/noExplicitAny: TypeScript asks for it where a class is extended that is a parameter.
type WebSocketClass = new (...args: any[]) => { close(code?: number, reason?: string | Buffer): void };

/** Returns a class of WebSockets that close with the limit as the reason when a message exceeds it: ws sends the code alone. */
export function closeWithLimit<C extends WebSocketClass>(WebSocket: C, maxLength: number): C {
  return class extends WebSocket {
    override close(code?: number, reason?: string | Buffer): void {
      super.close(code, code === 1009 ? tooLong(maxLength) : reason);
    }
  };
}
