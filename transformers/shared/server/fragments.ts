import type { Duplex } from 'node:stream';

/** A WebSocket of faye-websocket, as far as it must be looked into: there is no other way to learn of a message in parts. */
export interface Fragmented {
  readonly _driver?: {
    readonly _message?: { readonly length: number; readonly _chunks?: readonly unknown[] };
    close(reason: string, code: number): boolean;
  };
}

/** So many parts of a message are no matter; more of them must carry something, in bytes each, on the average. */
const MANY = 4_096;
const WORTH = 16;

/** A peer that sends parts without end, and nothing in them, would fill the memory: `maxLength` never sees them. */
export function limitFragments(websocket: Fragmented, socket: Duplex, broken: (code: number, reason: string) => void): void {
  socket.on('data', () => {
    const { _message: message } = websocket._driver ?? {};
    const parts = message?._chunks?.length ?? 0;
    if (message === undefined || parts <= MANY || message.length >= parts * WORTH) return;
    broken(1008, 'Too many fragments');
    websocket._driver?.close('Too many fragments', 1008);
    // What else it sends is not read.
    socket.unpipe();
    socket.end(() => socket.destroy());
  });
}
