import type { Duplex } from 'node:stream';

/** The key under which the listener of a socket finds the link. */
const LINK = Symbol('link');

type CountedSocket = Duplex & { [LINK]: CountedLink };

/** Fewer bytes than this are not reported. */
const MANY = 65_536;

/** A link whose framework collects the bytes of a message until it is complete. */
export interface CountedLink {
  /** The bytes that have arrived since the last message. */
  incoming: number;
  /** Reports to the observer how many bytes have arrived of a message that is not complete. */
  reportIncomplete(bytes: number): void;
}

/** Counts the bytes that a socket receives. The framework must listen to it already: they are counted before it reads them. */
export function countIncoming(socket: Duplex, link: CountedLink): void {
  (socket as CountedSocket)[LINK] = link;
  socket.prependListener('data', socketOnData);
}

/** Counts from the start again, as the framework has emitted a message. */
export function countedMessage(link: CountedLink): void {
  if (link.incoming >= MANY) link.reportIncomplete(0);
  link.incoming = 0;
}

function socketOnData(this: CountedSocket, chunk: Buffer): void {
  const link = this[LINK];
  link.incoming += chunk.length;
  if (link.incoming >= MANY) link.reportIncomplete(link.incoming);
}
