import type { IncomingMessage, ServerResponse } from 'node:http';

/** Reads a body that is no longer than `limit`, in bytes; hands over `null` when it is, and nothing when it breaks off. */
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

/** Holds up the reading of requests while messages are not wanted: one that is not read yet is pressure on the client. */
export class Gate {
  /** Whether messages are unwanted. */
  shut = false;
  readonly #waiting = new Set<() => void>();

  /** Calls back now, or once the gate is open, unless whoever asks has given up by then. */
  pass(response: ServerResponse, read: () => void): void {
    if (!this.shut) {
      read();
      return;
    }
    this.#waiting.add(read);
    response.once('close', () => this.#waiting.delete(read));
  }

  open(): void {
    this.shut = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const read of waiting) read();
  }
}
