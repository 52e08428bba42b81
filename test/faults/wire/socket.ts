import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

/** Sockets of one attacker, from an address that the innocent client does not have. */
export class Sockets {
  readonly #port: number;
  readonly #open = new Set<Socket>();
  readonly #localAddress: string | undefined;
  /** Sockets that the server, or the system, has closed. */
  closed = 0;

  constructor(port: number, localAddress = process.platform === 'linux' ? '127.0.0.9' : undefined) {
    this.#port = port;
    this.#localAddress = localAddress;
  }

  /** Resolves with a connected socket; its errors are ignored. */
  async connect(): Promise<Socket> {
    const socket = this.dial();
    await once(socket, 'connect').catch(() => {});
    return socket;
  }

  /** Returns a socket that is connecting. */
  dial(): Socket {
    const options = { port: this.#port, host: '127.0.0.1', ...(this.#localAddress && { localAddress: this.#localAddress }) };
    const socket = createConnection({ ...options, noDelay: true });
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      this.closed++;
    });
    return socket;
  }

  get size(): number {
    return this.#open.size;
  }

  destroy(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }
}

/** Writes; resolves when the system has taken it, or the socket is closed. */
export async function write(socket: Socket, data: string | Buffer, signal?: AbortSignal): Promise<void> {
  if (!socket.writable || socket.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
    signal?.addEventListener('abort', done);
  });
}

/** Resolves with what arrives until it matches, the socket is closed, or the time is over. */
export async function readUntil(socket: Socket, pattern: RegExp, ms = 5_000): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      socket.off('data', read);
      socket.off('close', done);
      resolve();
    }
    function read(chunk: Buffer) {
      text += chunk.toString('latin1');
      if (pattern.test(text)) done();
    }
    socket.on('data', read);
    socket.on('close', done);
    if (socket.destroyed) done();
  });
  return text;
}
