import { WebSocket } from 'ws';
import { tooLong } from '../../../src/core/close-reasons.js';

/** Creates a class of WebSockets that close with the limit as the reason when a message exceeds it: ws sends the code alone. */
export function limitedWebSocket(maxLength: number): typeof WebSocket {
  return class extends WebSocket {
    override close(code?: number, reason?: string | Buffer): void {
      super.close(code, code === 1009 ? tooLong(maxLength) : reason);
    }
  };
}
