import type { IncomingMessage } from 'node:http';

/**
 * Reads the body of a request, up to `limit` bytes. Calls back with `null` when it is longer, and not at all when the
 * client breaks it off.
 */
export function readBody(request: IncomingMessage, limit: number, done: (body: Buffer | null) => void): void {
  if (Number(request.headers['content-length']) > limit) {
    done(null);
    return;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
    else {
      request.removeAllListeners('data');
      request.removeAllListeners('end');
      request.pause();
      done(null);
    }
  });
  request.on('end', () => done(Buffer.concat(chunks, length)));
}
