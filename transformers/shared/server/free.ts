import { MessageChannel } from 'node:worker_threads';
import { lazy } from '../../../src/core/load-framework.js';

/** Fewer bytes are left to the garbage collector. */
const WORTHWHILE = 4_096;

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
