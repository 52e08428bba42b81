import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'up' | 'down';

/** One connection through a relay. */
class Relayed {
  readonly near: Socket;
  readonly far: Socket;
  readonly #stopped = new Set<Direction>();
  #break: { direction: Direction; how: 'reset' | 'end'; left: number } | undefined;
  /** Whether the end of one socket is not passed on to the other, as when a cable is unplugged. */
  silent = false;

  constructor(near: Socket, far: Socket) {
    this.near = near;
    this.far = far;
    this.#forward('up', near, far);
    this.#forward('down', far, near);
  }

  /** Breaks the connection once so many more bytes have passed in that direction. */
  breakAfter(direction: Direction, left: number, how: 'reset' | 'end'): void {
    this.#break = { direction, how, left };
  }

  /** Lets nothing pass in these directions, neither bytes nor the end. */
  stop(...directions: Direction[]): void {
    for (const direction of directions) {
      this.#stopped.add(direction);
      this.#source(direction).pause();
    }
  }

  /** Lets everything pass again. */
  go(): void {
    for (const direction of this.#stopped) this.#source(direction).resume();
    this.#stopped.clear();
  }

  destroy(): void {
    this.near.destroy();
    this.far.destroy();
  }

  #source(direction: Direction): Socket {
    return direction === 'up' ? this.near : this.far;
  }

  #forward(direction: Direction, from: Socket, to: Socket): void {
    from.on('error', () => {});
    from.on('data', (chunk) => {
      const fault = this.#break;
      if (fault?.direction !== direction || chunk.length < fault.left) {
        if (fault?.direction === direction) fault.left -= chunk.length;
        if (!to.write(chunk)) from.pause();
        return;
      }
      this.#break = undefined;
      this.stop('up', 'down');
      to.write(chunk.subarray(0, fault.left), () => {
        for (const socket of [this.near, this.far]) {
          if (fault.how === 'reset') socket.resetAndDestroy();
          else socket.end(() => socket.destroy());
        }
      });
    });
    to.on('drain', () => {
      if (!this.#stopped.has(direction)) from.resume();
    });
    from.on('end', () => {
      if (!this.silent) to.end();
    });
    from.on('close', () => {
      if (!this.silent) to.destroy();
    });
  }
}

/** A TCP relay whose connections break on demand, or go silent. */
export class Relay {
  readonly connections = new Set<Relayed>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(to: number): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true });
    const relay = new Relay(server);
    server.on('connection', (near) => {
      const relayed = new Relayed(near, createConnection({ port: to, host: '127.0.0.1', allowHalfOpen: true }));
      relay.connections.add(relayed);
      for (const socket of [relayed.near, relayed.far]) {
        socket.on('close', () => {
          if (relayed.near.destroyed && relayed.far.destroyed) relay.connections.delete(relayed);
        });
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  each(task: (connection: Relayed) => void): void {
    for (const connection of this.connections) task(connection);
  }

  close(): void {
    this.each((connection) => connection.destroy());
    this.#server.close();
  }
}
