import { tooLong } from './close-reasons.js';

/** The part of the class of WebSockets of ws that is used. */
// biome-ignore lint/suspicious/noExplicitAny: TypeScript asks for it where a class is extended that is a parameter.
type WebSocketClass = new (...args: any[]) => { close(code?: number, reason?: unknown): void };

/** The class of each limit. There are few limits, and a class for each connection would slow every call down. */
const classes = new WeakMap<WebSocketClass, Map<number, WebSocketClass>>();

/** Returns a class of WebSockets that close with the limit as the reason when a message exceeds it: ws sends the code alone. */
export function closeWithLimit<C extends WebSocketClass>(WebSocket: C, maxLength: number): C {
  const known = classes.get(WebSocket) ?? new Map<number, WebSocketClass>();
  classes.set(WebSocket, known);
  const Limited = known.get(maxLength) ?? limited(WebSocket, tooLong(maxLength));
  known.set(maxLength, Limited);
  return Limited as C;
}

function limited(WebSocket: WebSocketClass, why: string): WebSocketClass {
  return class extends WebSocket {
    override close(code?: number, reason?: unknown): void {
      super.close(code, code === 1009 ? why : reason);
    }
  };
}
