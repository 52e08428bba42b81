import { Socket } from 'node:net';
import { type Conditions, type Direction, Flow } from './flow.js';

export const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

export interface ProxiedConnectionOptions {
  /** The port of the server. */
  port: number;
  conditions: Record<Direction, Conditions>;
  /** Writes bytes of one direction. */
  pass(direction: Direction, bytes: Buffer, to: Socket): void;
}

/** One connection through the laboratory: the socket of the client, and one to the server. */
export class ProxiedConnection {
  readonly conditions: Record<Direction, Conditions>;
  readonly #client: Socket;
  readonly #server = new Socket({ allowHalfOpen: true });
  readonly #flows: Record<Direction, Flow>;
  readonly #port: number;
  #dialled = false;
  #lost = false;

  constructor(client: Socket, { port, conditions, pass }: ProxiedConnectionOptions) {
    this.#client = client;
    this.#port = port;
    this.conditions = { toServer: { ...conditions.toServer }, toClient: { ...conditions.toClient } };
    for (const socket of this.#sockets) socket.setNoDelay();
    this.#flows = {
      toServer: new Flow(client, this.#server, this.conditions.toServer, (bytes, to) => pass('toServer', bytes, to)),
      toClient: new Flow(this.#server, client, this.conditions.toClient, (bytes, to) => pass('toClient', bytes, to)),
    };
    this.#server.on('connect', () => this.pump());
    this.pump();
  }

  /** Resolves when both sockets are closed. */
  async closed(): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => socket.closed || new Promise((resolve) => socket.once('close', resolve))));
  }

  /** Passes what the conditions let pass. Called when they have changed. */
  pump(): void {
    if (!this.#dialled && !this.conditions.toServer.blocked) {
      this.#dialled = true;
      this.#server.connect(this.#port, '127.0.0.1');
    }
    for (const direction of DIRECTIONS) this.#flows[direction].pump();
  }

  /** Neither end receives anything from the other again, nor notices its end. */
  lose(): void {
    this.#lost = true;
    this.stop();
  }

  /** Passes nothing more. */
  stop(): void {
    for (const direction of DIRECTIONS) this.#flows[direction].discard();
  }

  /** Closes both sockets with an RST or a FIN, unless the connection is lost. */
  break(reset: boolean): void {
    if (this.#lost) return;
    this.stop();
    for (const socket of this.#sockets) {
      if (reset || socket.pending) socket.resetAndDestroy();
      else socket.end();
    }
  }

  destroy(): void {
    this.stop();
    for (const socket of this.#sockets) socket.destroy();
  }

  get #sockets(): readonly [Socket, Socket] {
    return [this.#client, this.#server];
  }
}
