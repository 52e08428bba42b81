import { asapScheduler, type SchedulerLike, type Unsubscribable } from 'rxjs';
import { dropped, type LinkErrorDetails } from '../../src/core/errors.js';
import type { Link } from '../../src/core/link.js';
import { MemoryLink } from './link.js';

/** What a network is like. */
export interface MemoryNetworkOptions {
  /** How long a frame is under way, in ms. Default 0. */
  latency?: number;
  /** The clock of the network. Default the end of the current turn. */
  scheduler?: SchedulerLike;
}

/** A request to be let in. Answered once. */
export interface Handshake {
  readonly url: string;
  readonly headers?: { readonly [name: string]: string };
  accepted(link: Link): void;
  refused(details: LinkErrorDetails): void;
}

/** Someone who answers at an address. */
export interface Listener {
  answersTo(url: URL): boolean;
  knock(handshake: Handshake): void;
  readonly maxLength: number;
}

/**
 * A network within the process, with the faults of real ones at hand. What is sent on a link arrives in order, after
 * `latency` ms, or not at all.
 */
export class MemoryNetwork {
  /** While true, whoever dials is refused, as by a host where nobody listens. */
  down = false;
  /** How long a frame is under way, in ms. */
  readonly latency: number;
  /** The clock of the network. */
  readonly scheduler: SchedulerLike;
  private readonly listeners = new Set<Listener>();
  private readonly links = new Set<MemoryLink>();

  constructor({ latency = 0, scheduler = asapScheduler }: MemoryNetworkOptions = {}) {
    this.latency = latency;
    this.scheduler = scheduler;
  }

  /** How many links are alive, each counted once. */
  get alive(): number {
    return this.links.size / 2;
  }

  /** Answers to those who dial, until it is unsubscribed. @internal */
  serve(listener: Listener): Unsubscribable {
    this.listeners.add(listener);
    return { unsubscribe: () => void this.listeners.delete(listener) };
  }

  /** Dials; the answer comes after `latency` ms. @internal */
  dial(handshake: Handshake): Unsubscribable {
    return this.scheduler.schedule(() => {
      const url = new URL(handshake.url);
      const listener = this.down ? undefined : [...this.listeners].find((candidate) => candidate.answersTo(url));
      if (listener === undefined) handshake.refused({ reason: `Nobody listens at ${url.host}` });
      else listener.knock(handshake);
    }, this.latency);
  }

  /** Two ends of a new link: the server's and the client's. @internal */
  pair(maxLength: number): [server: MemoryLink, client: MemoryLink] {
    const server = new MemoryLink(this, maxLength);
    const client = new MemoryLink(this, maxLength);
    server.peer = client;
    client.peer = server;
    this.links.add(server).add(client);
    return [server, client];
  }

  /** Cuts every link at once; what is under way is lost, and both ends are told. */
  cut(): void {
    for (const link of [...this.links]) link.drop(dropped(1006, 'cut'));
  }

  /** Whether a link is alive. @internal */
  has(link: MemoryLink): boolean {
    return this.links.has(link);
  }

  /** A link has ended. @internal */
  gone(link: MemoryLink): void {
    this.links.delete(link);
  }
}

/** The network of the process. */
export const everywhere = new MemoryNetwork();
