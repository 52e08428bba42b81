import type { Duplex } from 'node:stream';

/** The internals of a faye-websocket that know of a fragmented message: nothing public does. */
export interface Fragmented {
  readonly _driver?: {
    readonly _message?: { readonly length: number; readonly _chunks?: readonly unknown[] };
    close(reason: string, code: number): boolean;
  };
}

/** A message may have this many fragments whatever is in them; beyond that they must average `MIN_AVERAGE` bytes. */
const FREE = 4_096;
const MIN_AVERAGE = 16;

/** Closes a connection whose peer sends fragments without end and without content: `maxLength` does not count those. */
export function limitFragments(websocket: Fragmented, socket: Duplex, onExceeded: (code: number, reason: string) => void): void {
  socket.on('data', () => {
    const { _message: message } = websocket._driver ?? {};
    const fragments = message?._chunks?.length ?? 0;
    if (message === undefined || fragments <= FREE || message.length >= fragments * MIN_AVERAGE) return;
    onExceeded(1008, 'Too many fragments');
    websocket._driver?.close('Too many fragments', 1008);
    // The rest of what it sends is not read.
    socket.unpipe();
    socket.end(() => socket.destroy());
  });
}
