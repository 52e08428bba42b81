import type { IncomingMessage } from 'node:http';

/** Reads a body that is no longer than `limit`, in bytes; hands over `null` when it is, and nothing when it breaks off. */
export function receive(request: IncomingMessage, limit: number, done: (body: Buffer | null) => void): void {
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
  #waiting: (() => void)[] = [];

  /** Calls back now, or once the gate is open. */
  pass(read: () => void): void {
    if (this.shut) this.#waiting.push(read);
    else read();
  }

  open(): void {
    this.shut = false;
    for (const read of this.#waiting.splice(0)) read();
  }
}
