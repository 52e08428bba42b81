import { Subject, tap } from 'rxjs';
import type { ClientParts } from '../../client/options.js';
import { type Primus as Client, configure } from '../../client/primus.js';
import { dropped } from '../../src/core/errors.js';
import type { ClientOptions, Primus, ServerOptions, Spark } from '../../src/index.js';
import { TestNetwork } from '../../src/testing/network.js';
import { TestWorld } from '../../src/testing/world.js';
import { type MemoryNetwork, memory } from '../../transformers/memory/index.js';
import { Clock } from './clock.js';

/** One end of a connection, as the network makes it. */
export type End = ReturnType<MemoryNetwork['pair']>[0];

/** Both ends of one connection of the network, from the handshake on. */
export interface LinkPair {
  readonly server: End;
  readonly client: End;
  /** The peer of the client's end, once the client has it. */
  owner: Peer | undefined;
  /** The frames sent in each direction, in order. */
  readonly up: string[];
  readonly down: string[];
  /** The causes of its end that were seen. */
  readonly closedBy: Set<'client' | 'server' | 'fault'>;
}

/** A network that remembers its connections, and whose faults can break one of them, or one end of it. */
export class ObservedNetwork extends TestNetwork {
  readonly pairs: LinkPair[] = [];
  /** The times of all attempts to connect, in ms. */
  readonly dials: number[] = [];
  /** While true, attempts to connect get no answer. */
  mute = false;
  private readonly byClient = new Map<unknown, LinkPair>();

  override dial(handshake: Parameters<MemoryNetwork['dial']>[0]): ReturnType<MemoryNetwork['dial']> {
    this.dials.push(this.scheduler.now());
    return this.mute ? { unsubscribe() {} } : super.dial(handshake);
  }

  override pair(...handshake: Parameters<MemoryNetwork['pair']>): ReturnType<MemoryNetwork['pair']> {
    const ends = super.pair(...handshake);
    const [server, client] = ends;
    const pair: LinkPair = { server, client, owner: undefined, up: [], down: [], closedBy: new Set() };
    observe(client, pair.up, () => pair.closedBy.add('client'));
    observe(server, pair.down, () => pair.closedBy.add('server'));
    this.pairs.push(pair);
    this.byClient.set(client, pair);
    return ends;
  }

  /** Terminates all connections. New ones can be made at once. */
  override cut(): void {
    for (const pair of this.pairs) this.addFault(pair);
    this.crash();
  }

  /** Breaks one connection; an end that does not notice goes on sending to no one. */
  breakPair(pair: LinkPair, noticed: 'both' | 'client' | 'server' = 'both'): void {
    this.addFault(pair);
    const error = dropped(1006, 'broken');
    if (noticed !== 'server') pair.client.drop(error);
    if (noticed !== 'client') pair.server.drop(error);
  }

  /** The connections of a peer that are alive: at the client's end at least, and not being closed by it. */
  pairsOf(peer: Peer): LinkPair[] {
    return this.pairs.filter((pair) => pair.owner === peer && this.has(pair.client) && !pair.closedBy.has('client'));
  }

  pairOf(client: unknown): LinkPair | undefined {
    return this.byClient.get(client);
  }

  private addFault(pair: LinkPair): void {
    if (this.has(pair.client) || this.has(pair.server)) pair.closedBy.add('fault');
  }
}

function observe(end: End, frames: string[], closed: () => void): void {
  const { send, close, destroy } = end;
  end.send = (frame) => {
    frames.push(String(frame));
    send.call(end, frame);
  };
  end.close = (...args) => {
    closed();
    close.apply(end, args);
  };
  end.destroy = () => {
    closed();
    destroy.call(end);
  };
}

/** A client, its network, and the errors it reported. */
export interface Peer {
  readonly name: string;
  readonly client: Client;
  /** Whether its platform has a network. */
  readonly network$: Subject<boolean>;
  /** The errors that were reported to the platform. */
  readonly reports: unknown[];
}

export interface WorldOptions {
  /** How long a frame is under way, in ms. Default 0. */
  latency?: number;
  /** Of every random number in it. Default 1. */
  seed?: number;
  server?: ServerOptions;
}

/**
 * The world of `primus-rx/testing`, with a network that remembers its connections, and clients on a platform that knows nothing of Node.js.
 * Each of them has a network of its own.
 */
export class World extends TestWorld {
  declare readonly clock: Clock;
  declare readonly network: ObservedNetwork;
  readonly peers: Peer[] = [];

  constructor({ latency = 0, seed = 1, server = {} }: WorldOptions = {}) {
    const scheduler = new Clock();
    super({
      latency,
      seed,
      server,
      scheduler,
      network: (parts: ConstructorParameters<typeof ObservedNetwork>[0]) => new ObservedNetwork(parts),
    });
    this.clock = scheduler;
  }

  get primus(): Primus {
    return this.server;
  }

  connect(options: ClientOptions = {}, parts: Partial<ClientParts> = {}, make: typeof configure = configure): Peer {
    const { clock, network, primus, random } = this;
    const name = String(this.peers.length);
    const network$ = new Subject<boolean>();
    const reports: unknown[] = [];
    const platform: ClientParts['platform'] = {
      webSocket: () => {
        throw new Error('There are no WebSockets in memory');
      },
      network$,
      origin: undefined,
      scheduler: clock,
      random,
      report: (error) => reports.push(error),
    };
    const transformer: ClientParts['transformer'] = {
      connect: (target) =>
        memory.client.connect(target).pipe(
          tap((link) => {
            const pair = network.pairOf(link);
            if (pair) pair.owner = peer;
          }),
        ),
    };
    const Socket = make({ transformer, parser: primus.parser, platform, ...parts }, primus.configuration);
    const client = new Socket(`http://world/?peer=${name}`, { ...options, transport: { network } });
    this.clients.add(client);
    const peer: Peer = { name, client, network$, reports };
    this.peers.push(peer);
    return peer;
  }

  /** The spark of a client's latest connection, if the server has it. */
  findSpark(peer: Peer): Spark | undefined {
    const pair = this.network.pairs.filter((candidate) => candidate.owner === peer).at(-1);
    return Object.values(this.primus.connections).find((spark) => spark?.socket === pair?.server);
  }

  pass(ms: number): Promise<void> {
    return this.advance(ms);
  }
}

export { randomFrom as generator } from '../../src/testing/random.js';
