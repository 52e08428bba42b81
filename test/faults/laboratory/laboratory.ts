import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Conditions, type Direction, HEALTHY } from './flow.js';
import { DIRECTIONS, ProxiedConnection } from './proxied-connection.js';

export type { Direction } from './flow.js';

export interface LaboratoryOptions {
  /** Called with the bytes that pass. */
  observe?(direction: Direction, bytes: Buffer): void;
}

export interface BreakOptions {
  /** Whether both ends get an RST instead of a FIN. @defaultValue false */
  reset?: boolean;
}

interface PlannedBreak {
  direction: Direction;
  /** The bytes that may still pass. */
  left: number;
  reset: boolean;
  done(happened: boolean): void;
}

/**
 * A TCP proxy to a port of this machine, whose network has faults on demand. A fault holds for all connections, present and new, until
 * `heal`; `break` and `halfOpen` are for present ones only.
 *
 * @example
 * ```ts
 * const lab = await Laboratory.start(port);
 * const client = new primus.Socket(lab.url);
 * lab.blackhole('toServer');
 * lab.heal();
 * await lab.close();
 * ```
 */
export class Laboratory {
  /** The bytes that have passed. */
  readonly passed: Record<Direction, number> = { toServer: 0, toClient: 0 };
  readonly #connections = new Set<ProxiedConnection>();
  readonly #server: Server;
  readonly #conditions: Record<Direction, Conditions> = { toServer: { ...HEALTHY }, toClient: { ...HEALTHY } };
  readonly #observe: LaboratoryOptions['observe'];
  #refuses = false;
  #planned: PlannedBreak | undefined;

  private constructor(server: Server, target: number, { observe }: LaboratoryOptions) {
    this.#server = server;
    this.#observe = observe;
    server.on('connection', (socket) => this.#accept(socket, target));
  }

  /** Starts a proxy to that port. */
  static async start(port: number, options: LaboratoryOptions = {}): Promise<Laboratory> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const laboratory = new Laboratory(server, port, options);
    server.listen(0, '127.0.0.1', 4_096);
    await once(server, 'listening');
    return laboratory;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The number of connections, those included that are lost to one end. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Closes the present connections at both ends. */
  break({ reset = false }: BreakOptions = {}): void {
    for (const connection of this.#connections) connection.break(reset);
  }

  /**
   * Breaks the present connections once that many more bytes have passed in that direction, on all of them together. Exactly those arrive
   * before a FIN; an RST overtakes what the receiver has not read yet. Resolves with `true` then, or with `false` when the laboratory was
   * healed or closed before, or got another plan.
   */
  breakAfter(direction: Direction, bytes: number, { reset = false }: BreakOptions = {}): Promise<boolean> {
    this.#cancel();
    return new Promise((done) => {
      this.#planned = { direction, left: bytes, reset, done };
    });
  }

  /**
   * Loses the present connections for ever, as when a machine loses its power: neither end receives anything from the other, and what it sends
   * is dropped. New connections work.
   */
  halfOpen(): void {
    for (const connection of this.#connections) connection.lose();
  }

  /**
   * Lets nothing pass in that direction, or in both. It waits, and arrives after `heal`, as what TCP sends again and again. With `present`
   * only the present connections are affected: they wake up when the client has reconnected.
   */
  blackhole(direction?: Direction, { present = false }: { present?: boolean } = {}): void {
    this.#change({ blocked: true }, direction, present);
  }

  /** Delays all bytes, and the ends of connections, by that many ms. */
  delay(ms: number, direction?: Direction): void {
    this.#change({ delay: ms }, direction);
  }

  /** Passes so few bytes at a time, with a pause in ms after each. */
  trickle(bytes: number, every: number, direction?: Direction): void {
    this.#change({ trickle: { bytes, every } }, direction);
  }

  /** Resets new connections. */
  refuse(): void {
    this.#refuses = true;
  }

  /** Ends all faults: what was under way arrives, in order. Connections that were broken or are half-open stay so. */
  heal(): void {
    this.#refuses = false;
    this.#cancel();
    this.#change(HEALTHY);
  }

  /** Destroys all connections and the proxy; resolves when their sockets are closed. */
  async close(): Promise<void> {
    this.#cancel();
    const ended = [...this.#connections].map((connection) => connection.closed());
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await Promise.all([...ended, once(this.#server, 'close')]);
  }

  #accept(socket: Socket, port: number): void {
    if (this.#refuses) return void socket.resetAndDestroy();
    const pass = (direction: Direction, bytes: Buffer, to: Socket) => this.#pass(direction, bytes, to);
    const connection = new ProxiedConnection(socket, { port, conditions: this.#conditions, pass });
    this.#connections.add(connection);
    void connection.closed().then(() => this.#connections.delete(connection));
  }

  #change(change: Partial<Conditions>, direction?: Direction, presentOnly = false): void {
    for (const each of direction === undefined ? DIRECTIONS : [direction]) {
      if (!presentOnly) Object.assign(this.#conditions[each], change);
      for (const { conditions } of this.#connections) Object.assign(conditions[each], change);
    }
    for (const connection of this.#connections) connection.pump();
  }

  #pass(direction: Direction, bytes: Buffer, to: Socket): void {
    const planned = this.#planned?.direction === direction ? this.#planned : undefined;
    const passing = planned === undefined ? bytes : bytes.subarray(0, planned.left);
    this.passed[direction] += passing.length;
    this.#observe?.(direction, passing);
    if (planned === undefined) return void to.write(passing);
    planned.left -= passing.length;
    if (planned.left > 0) return void to.write(passing);
    this.#planned = undefined;
    const present = [...this.#connections];
    // Nothing passes behind that byte.
    for (const connection of present) connection.stop();
    to.write(passing, () => {
      for (const connection of present) connection.break(planned.reset);
      planned.done(true);
    });
  }

  #cancel(): void {
    this.#planned?.done(false);
    this.#planned = undefined;
  }
}
