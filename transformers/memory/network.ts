import { asapScheduler, type SchedulerLike, type Unsubscribable } from 'rxjs';
import { dropped, type LinkErrorDetails } from '../../src/core/errors.js';
import type { Frame, Link } from '../../src/core/link.js';
import { type Carrier, MemoryLink } from './link.js';

/** The options of a `MemoryNetwork`. */
export interface MemoryNetworkOptions {
  /**
   * The time that a frame takes, in ms.
   * @defaultValue `0`
   */
  latency?: number;
  /**
   * The clock of the network.
   * @defaultValue `asapScheduler`: frames arrive at the end of the current turn
   */
  scheduler?: SchedulerLike;
}

/** A request for a connection. It is answered once. */
export interface MemoryHandshake {
  readonly url: string;
  readonly headers?: { readonly [name: string]: string };
  /** The longest message that the client accepts, in bytes. */
  readonly maxLength: number;
  /** The client that connects. */
  readonly client?: unknown;
  accepted(link: Link): void;
  rejected(details: LinkErrorDetails): void;
}

/** A server in the network. */
export interface MemoryListener {
  /** Whether it listens at an address. */
  listensAt(url: URL): boolean;
  handle(handshake: MemoryHandshake): void;
}

/**
 * A network within the process, which can fail like a real one. Frames of a link arrive in order, after `latency` ms, or not at all.
 *
 * @example
 * import { MemoryNetwork } from 'primus-rx/transformers/memory';
 *
 * const network = new MemoryNetwork({ latency: 20 });
 * const primus = new Primus(server, { transformer: 'memory', transport: { network } });
 * network.cut(); // terminates all links
 * network.down = true; // the clients cannot reconnect
 * console.log(network.alive); // 0
 * network.scheduler.schedule(() => (network.down = false), network.latency * 50);
 */
export class MemoryNetwork implements Carrier {
  /** While true, connections fail, as to a host where no server listens. */
  down = false;
  /** The time that a frame takes, in ms. */
  readonly latency: number;
  /** The clock of the network. */
  readonly scheduler: SchedulerLike;
  private readonly listeners = new Set<MemoryListener>();
  private readonly links = new Set<MemoryLink>();

  constructor({ latency = 0, scheduler = asapScheduler }: MemoryNetworkOptions = {}) {
    this.latency = latency;
    this.scheduler = scheduler;
  }

  /** The number of open links, each counted once. */
  get alive(): number {
    return this.links.size / 2;
  }

  /** Adds a server, until it is unsubscribed. @internal */
  serve(listener: MemoryListener): Unsubscribable {
    this.listeners.add(listener);
    return { unsubscribe: () => void this.listeners.delete(listener) };
  }

  /** Sends a handshake; the answer arrives after `latency` ms. @internal */
  dial(handshake: MemoryHandshake): Unsubscribable {
    return this.scheduler.schedule(() => this.answer(handshake), this.latency);
  }

  /** Answers a handshake that has arrived. @internal */
  answer(handshake: MemoryHandshake): void {
    const url = new URL(handshake.url);
    const listener = this.down ? undefined : [...this.listeners].find((candidate) => candidate.listensAt(url));
    if (listener === undefined) handshake.rejected({ reason: `No server listens at ${url.host}` });
    else listener.handle(handshake);
  }

  /** Creates both ends of a link for a handshake that the server accepts; `maxLength`: the longest message that the server accepts. @internal */
  pair(handshake: MemoryHandshake, maxLength: number): [server: MemoryLink, client: MemoryLink] {
    const server = new MemoryLink(this, maxLength);
    const client = new MemoryLink(this, handshake.maxLength);
    server.peer = client;
    client.peer = server;
    this.links.add(server).add(client);
    return [server, client];
  }

  /** Terminates every link at once: frames under way are lost, and both ends get an error. */
  cut(): void {
    for (const link of [...this.links]) link.drop(dropped(1006, 'cut'));
  }

  /** Whether the network takes a frame that a link sends. @internal */
  takes(_from: MemoryLink, _frame: Frame): boolean {
    return true;
  }

  /** Lets something arrive at a link after `latency` ms. @internal */
  carry(_to: MemoryLink, arrive: () => void): void {
    this.scheduler.schedule(arrive, this.latency);
  }

  /** Whether a link is alive. @internal */
  has(link: MemoryLink): boolean {
    return this.links.has(link);
  }

  /** Removes a link that has ended. @internal */
  remove(link: MemoryLink): void {
    this.links.delete(link);
  }
}

/** The network that servers and clients of this process share by default. */
export const sharedNetwork = new MemoryNetwork();
