import { MessageChannel } from 'node:worker_threads';
import { lazy } from '../../../src/core/load-framework.js';

/** Fewer bytes are left to the garbage collector. */
const WORTHWHILE = 4_096;

/** The bytes of a string, which nothing but their writer knows. */
interface OwnBytes extends Buffer {
  isOwn?: true;
}

/** A port that is closed: what is transferred through it is dropped. Node.js 20 has no `ArrayBuffer.prototype.transfer`, which would do. */
const nowhere = lazy(() => {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
});

/**
 * Frees the memory of bytes that are not used any more, unless they share it with others. They have a length of 0 afterwards.
 *
 * The garbage collector takes its time: it looks for dead chunks of the network when there are 32 MB of them, and for those that have lived a
 * while when there are 64 MB. Never for bytes that Node.js may be reading or writing in another thread: it does not notice.
 */
export function free({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < WORTHWHILE || byteLength !== buffer.byteLength) return;
  nowhere().postMessage(undefined, [buffer as ArrayBuffer]);
}

/**
 * Returns the bytes of a string that waits to be written. A long string would be moved to the part of the heap that is seldom collected, and
 * joined to one piece there.
 */
export function own(text: string): Buffer {
  const bytes: OwnBytes = Buffer.from(text);
  bytes.isOwn = true;
  return bytes;
}

/** Frees the bytes of `own`, which were written, and leaves any others. */
export function freeOwn(bytes: unknown): void {
  if ((bytes as OwnBytes).isOwn) free(bytes as OwnBytes);
}
