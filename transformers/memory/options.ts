import { asapScheduler, type Observer, type SchedulerLike, type Unsubscribable } from 'rxjs';
import { dropped, LinkError, type LinkErrorDetails } from '../../src/core/errors.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';

/** `transport` of both ends: the network they meet in. Default: one for the whole process. */
export interface MemoryTransport {
  /** Where both ends meet. */
  network?: MemoryNetwork;
}

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

/** One end of a link in memory. */
export class MemoryLink implements Link {
  peer!: MemoryLink;
  private open = true;
  private paused = false;
  private observer: Partial<Observer<Frame>> = NOBODY;
  private inbox: Frame[] = [];
  private ending: LinkError | 'clean' | undefined;
  /** How it ended, while nobody has been told. */
  private untold: LinkError | 'clean' | undefined;
  private waiting = 0;
  private readonly network: MemoryNetwork;
  private readonly maxLength: number;

  constructor(network: MemoryNetwork, maxLength: number) {
    this.network = network;
    this.maxLength = maxLength;
  }

  get socket(): this {
    return this;
  }

  get bufferedAmount(): number {
    return this.peer.waiting;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    if (this.untold !== undefined) this.tell(this.untold);
    return {
      unsubscribe: () => {
        this.observer = NOBODY;
      },
    };
  }

  send(frame: Frame): void {
    if (!this.open) return;
    this.peer.waiting += frame.length;
    this.network.scheduler.schedule(() => this.peer.arrive(frame), this.network.latency);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.read();
  }

  close(code = 1000, reason = ''): void {
    if (!this.open) return;
    this.open = false;
    const end = code === 1000 ? 'clean' : dropped(code, reason);
    this.network.scheduler.schedule(() => {
      this.peer.ending = end;
      this.peer.read();
      this.end(end);
    }, this.network.latency);
  }

  destroy(): void {
    const { peer } = this;
    this.drop(dropped(1006, 'destroyed'));
    this.network.scheduler.schedule(() => peer.drop(dropped(1006, 'cut by the peer')), this.network.latency);
  }

  /** The line is gone, and what was on it with it. */
  drop(error: LinkError): void {
    this.inbox = [];
    this.end(error);
  }

  private arrive(frame: Frame): void {
    if (!this.network.has(this)) return;
    if (frame.length > this.maxLength) {
      this.drop(dropped(1009, 'too long', new LinkError('ERR_PRIMUS_DROPPED', `A message of ${frame.length} exceeds maxLength`)));
      this.peer.drop(dropped(1009, 'too long'));
      return;
    }
    this.inbox.push(frame);
    this.read();
  }

  private read(): void {
    while (!this.paused && this.inbox.length > 0) {
      const frame = this.inbox.shift() as Frame;
      this.waiting -= frame.length;
      this.observer.next?.(frame);
    }
    if (this.inbox.length === 0 && this.ending !== undefined) this.end(this.ending);
  }

  private end(how: LinkError | 'clean'): void {
    if (!this.network.has(this)) return;
    this.open = false;
    this.network.gone(this);
    if (this.observer === NOBODY) this.untold = how;
    else this.tell(how);
  }

  private tell(how: LinkError | 'clean'): void {
    this.untold = undefined;
    if (how === 'clean') this.observer.complete?.();
    else this.observer.error?.(how);
  }
}

/** The network of the process. */
export const everywhere = new MemoryNetwork();
