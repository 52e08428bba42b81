import { createServer } from 'node:http';
import { Subject, tap } from 'rxjs';
import { disposable } from '../../client/disposable.js';
import type { ClientParts } from '../../client/options.js';
import { type Primus as Client, configure } from '../../client/primus.js';
import { dropped } from '../../src/core/errors.js';
import { type ClientOptions, type DestroyOptions, Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { MemoryNetwork, memory } from '../../transformers/memory/index.js';
import { Clock } from './clock.js';

/** One end of a line, as the network makes it. */
export type End = ReturnType<MemoryNetwork['pair']>[0];

/** One line of the network, from the handshake on. */
export interface Line {
  readonly server: End;
  readonly client: End;
  /** Whose line it is, once the client has it. */
  owner: Peer | undefined;
  /** What was put on it, in order, as frames. */
  readonly up: string[];
  readonly down: string[];
  /** Who closed it, or whose fault its end was, as far as somebody did. */
  readonly closedBy: Set<'client' | 'server' | 'fault'>;
}

/** A network that remembers its lines, and whose faults can strike one line, or one end of it. */
export class ObservedNetwork extends MemoryNetwork {
  readonly lines: Line[] = [];
  /** When somebody dialled, in ms. */
  readonly dials: number[] = [];
  /** While true, whoever dials gets no answer at all. */
  mute = false;
  private readonly byClient = new Map<unknown, Line>();

  override dial(handshake: Parameters<MemoryNetwork['dial']>[0]): ReturnType<MemoryNetwork['dial']> {
    this.dials.push(this.scheduler.now());
    return this.mute ? { unsubscribe() {} } : super.dial(handshake);
  }

  override pair(maxLength: number): ReturnType<MemoryNetwork['pair']> {
    const pair = super.pair(maxLength);
    const [server, client] = pair;
    const line: Line = { server, client, owner: undefined, up: [], down: [], closedBy: new Set() };
    observe(client, line.up, () => line.closedBy.add('client'));
    observe(server, line.down, () => line.closedBy.add('server'));
    this.lines.push(line);
    this.byClient.set(client, line);
    return pair;
  }

  override cut(): void {
    for (const line of this.lines) this.blame(line);
    super.cut();
  }

  /** Cuts one line; when only one end notices, the other goes on talking to nobody. */
  cutLine(line: Line, noticed: 'both' | 'client' | 'server' = 'both'): void {
    this.blame(line);
    const cut = dropped(1006, 'cut');
    if (noticed !== 'server') line.client.drop(cut);
    if (noticed !== 'client') line.server.drop(cut);
  }

  /** The lines that are alive: at the client's end at least, and not being closed by it. */
  linesOf(peer: Peer): Line[] {
    return this.lines.filter((line) => line.owner === peer && this.has(line.client) && !line.closedBy.has('client'));
  }

  lineOf(client: unknown): Line | undefined {
    return this.byClient.get(client);
  }

  private blame(line: Line): void {
    if (this.has(line.client) || this.has(line.server)) line.closedBy.add('fault');
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

/** A client, its network, and what it did. */
export interface Peer {
  readonly name: string;
  readonly client: Client;
  /** Whether its platform has a network. */
  readonly network$: Subject<boolean>;
  /** What nobody else took. */
  readonly reports: unknown[];
}

export interface WorldOptions {
  /** How long a frame is under way, in ms. Default 0. */
  latency?: number;
  /** Of every random number in it. Default 1. */
  seed?: number;
  server?: ServerOptions;
}

/** A server and its clients on a network of their own, in virtual time. */
export class World {
  readonly clock = new Clock();
  readonly http = createServer();
  readonly network: ObservedNetwork;
  readonly peers: Peer[] = [];
  readonly random: () => number;
  primus: Primus;
  private readonly options: ServerOptions;

  constructor({ latency = 0, seed = 1, server = {} }: WorldOptions = {}) {
    this.network = new ObservedNetwork({ scheduler: this.clock, latency });
    this.random = generator(seed);
    this.options = { transformer: 'memory', transport: { network: this.network }, scheduler: this.clock, ...server };
    this.primus = new Primus(this.http, this.options);
  }

  /** A new server in the place of one that was stopped. */
  start(): Primus {
    this.primus = new Primus(this.http, this.options);
    return this.primus;
  }

  /** Destroys the server, but not the HTTP server below it. */
  async stop(options: DestroyOptions = {}): Promise<void> {
    let done = false;
    this.primus.destroy({ close: false, ...options }, () => {
      done = true;
    });
    for (let waited = 0; !done; waited++) {
      if (waited > 10_000) throw new Error('The server is not through with destroy() after 10 s');
      await this.clock.pass(1);
    }
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
            const line = network.lineOf(link);
            if (line) line.owner = peer;
          }),
        ),
    };
    const Socket = disposable(make({ transformer, parser: primus.parser, platform, ...parts }, primus.configuration));
    const client = new Socket(`http://world/?peer=${name}`, { ...options, transport: { network } });
    const peer: Peer = { name, client, network$, reports };
    this.peers.push(peer);
    return peer;
  }

  /** The spark of a client's latest line, if the server has it. */
  sparkOf(peer: Peer): Spark | undefined {
    const line = this.network.lines.filter((candidate) => candidate.owner === peer).at(-1);
    return Object.values(this.primus.connections).find((spark) => spark?.socket === line?.server);
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms);
  }

  /** Everything is let go of. What is under way on the network has arrived when this resolves. */
  async destroy(): Promise<void> {
    for (const { client } of this.peers) client.destroy();
    await this.stop();
    await this.clock.pass(4 * this.network.latency);
  }
}

/** A uniform source in [0, 1) that is the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
