import { createServer } from 'node:http';
import { tap } from 'rxjs';
import { expect } from 'vitest';
import { channels } from '../../client/channels.js';
import type { ClientParts } from '../../client/options.js';
import { type Primus as Client, configure } from '../../client/primus.js';
import { type Resume, resumable } from '../../client/resume.js';
import type { Backplane } from '../../src/cluster/bus.js';
import { type Cluster, clustered, type Loss } from '../../src/cluster.js';
import { type ClientOptions, type DestroyOptions, Primus, type ServerOptions, type Spark } from '../../src/index.js';
import type { SessionChange } from '../../src/server/sessions/session.js';
import { MemoryNetwork, memory } from '../../transformers/memory/index.js';
import { Clock } from '../support/clock.js';
import { generator } from '../support/world.js';
import { SimulatedEngine } from './simulated-bus.js';

/** The time that a frame takes between a client and a node, in ms. */
const LATENCY = 1;

/** A spark, and its history. */
export interface SparkLog {
  readonly spark: Spark;
  readonly node: Node;
  readonly changes: SessionChange[];
  /** The messages that it has received. */
  readonly up: unknown[];
  /** `connection`, `disconnection` and `end`, in order. */
  readonly events: string[];
}

/** A process of the cluster. */
export interface Node {
  readonly name: string;
  readonly primus: Primus;
  readonly cluster: Cluster;
  readonly network: MemoryNetwork;
  readonly losses: Loss[];
}

/** A client, which connects to the node that `at` names. */
export interface Traveller {
  readonly client: Client;
  at: string;
  readonly outcomes: Resume[];
  readonly down: unknown[];
  /** The frames that it has sent and received, over all links. */
  readonly frames: string[];
}

/** Nodes with sessions on one engine, and clients that move between them, in virtual time. */
export class HandoverWorld {
  readonly clock = new Clock();
  readonly engine = new SimulatedEngine(this.clock);
  readonly nodes = new Map<string, Node>();
  readonly sparks: SparkLog[] = [];
  readonly travellers: Traveller[] = [];
  /** The errors that the servers have logged. */
  readonly errors: string[] = [];
  /** The options of the servers to come. */
  readonly server: ServerOptions;
  readonly #backplane: Backplane;

  constructor(names: readonly string[], server: ServerOptions = {}, backplane?: Backplane) {
    this.server = { ...server };
    this.#backplane = backplane ?? this.engine;
    for (const name of names) this.start(name);
  }

  start(name: string): Node {
    const network = new MemoryNetwork({ scheduler: this.clock, latency: LATENCY });
    const primus = new Primus(createServer(), {
      transformer: 'memory',
      transport: { network },
      scheduler: this.clock,
      pingInterval: false,
      resume: { window: 10_000, identity: ({ headers }) => `${headers.user}` },
      ...this.server,
    });
    const cluster: Cluster = clustered(primus, this.#backplane, { node: name });
    const node: Node = { name, primus, cluster, network, losses: [] };
    cluster.lost$.subscribe((loss) => node.losses.push(loss));
    primus.on('log', (level, ...values) => level === 'error' && this.errors.push(values.map(String).join(' ')));
    primus.on('connection', (spark) => this.#observe(node, spark));
    primus.on('disconnection', (spark) => this.logOf(spark).events.push('disconnection'));
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): Node {
    return this.nodes.get(name) as Node;
  }

  /** Connects a client to a node. */
  join(at: string, options: ClientOptions = {}): Traveller {
    const { clock } = this;
    const platform: ClientParts['platform'] = {
      webSocket: () => {
        throw new Error('There are no WebSockets in memory');
      },
      network$: { subscribe: () => ({ unsubscribe() {} }) } as never,
      origin: undefined,
      scheduler: clock,
      random: generator(1),
      report: (error) => this.errors.push(String(error)),
    };
    const transformer: ClientParts['transformer'] = {
      connect: (target) =>
        memory.client
          .connect({ ...target, transport: { network: this.node(traveller.at)?.network ?? new MemoryNetwork({ scheduler: clock }) } })
          .pipe(
            tap((link) => {
              const { send, subscribe } = link;
              link.send = (frame) => {
                traveller.frames.push(String(frame));
                send.call(link, frame);
              };
              link.subscribe = (observer) => {
                const { next } = observer;
                return subscribe.call(link, {
                  ...bound(observer),
                  next: (frame) => {
                    traveller.frames.push(String(frame));
                    next?.call(observer, frame);
                  },
                });
              };
            }),
          ),
    };
    const configuration = (this.nodes.values().next().value as Node).primus.configuration;
    const { parser } = (this.nodes.values().next().value as Node).primus;
    const Socket = configure({ transformer, parser, platform, session: resumable }, configuration);
    const traveller: Traveller = { client: undefined as never, at, outcomes: [], down: [], frames: [] };
    const client = new Socket('http://world/', {
      reconnect: { min: 10, max: 10, retries: Infinity },
      headers: { user: 'ada' },
      timeout: 5_000,
      manual: true,
      ...options,
    });
    Object.assign(traveller, { client });
    client.resume$.subscribe((outcome) => traveller.outcomes.push(outcome));
    client.on('data', (data) => traveller.down.push(data));
    client.on('error', () => {});
    client.open();
    this.travellers.push(traveller);
    return traveller;
  }

  /** Breaks the connection of a client, which connects to another node. */
  move(traveller: Traveller, to: string): void {
    traveller.at = to;
    this.breakLink(traveller);
  }

  /** Breaks the connection of a client. */
  breakLink({ client }: Traveller): void {
    client.connection.link?.destroy();
  }

  /** Breaks all connections of a node. */
  breakLinks(name: string): void {
    const node = this.nodes.get(name);
    if (node !== undefined) node.network.cut();
  }

  /** Whether a node can be reached. */
  network(name: string, isUp: boolean): void {
    this.node(name).network.down = !isUp;
  }

  channel(traveller: Traveller, name: string) {
    return channels(traveller.client).channel(name);
  }

  logOf(spark: Spark): SparkLog {
    return this.sparks.find((log) => log.spark === spark) as SparkLog;
  }

  get last(): SparkLog {
    return this.sparks.at(-1) as SparkLog;
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms);
  }

  /** A node dies, or leaves. */
  async stop(name: string, dies = false, options: DestroyOptions = {}): Promise<void> {
    const node = this.node(name);
    this.nodes.delete(name);
    if (dies) {
      for (const bus of this.engine.buses) if (bus.node === name) bus.kill();
      node.network.down = true;
      node.network.cut();
    }
    let isOver = false;
    node.primus.destroy({ close: false, ...options }, () => {
      isOver = true;
    });
    for (let waited = 0; !isOver; waited++) {
      expect(waited, 'ms that a server takes to be destroyed').toBeLessThan(10_000);
      await this.pass(1);
    }
  }

  /** Destroys everything. No timer may be left. */
  async destroy(): Promise<void> {
    for (const { client } of this.travellers) client.destroy();
    await this.pass(5);
    for (const name of [...this.nodes.keys()]) await this.stop(name);
    await this.pass(10);
    expect(this.clock.pending - this.engine.pending, 'timers that are left').toBe(0);
  }

  #observe(node: Node, spark: Spark): void {
    const log: SparkLog = { spark, node, changes: [], up: [], events: ['connection'] };
    this.sparks.push(log);
    spark.resume$.subscribe((change) => log.changes.push(change));
    spark.on('data', (data) => log.up.push(data));
    spark.on('end', () => log.events.push('end'));
    spark.on('error', () => {});
  }
}

function bound<T extends object>(observer: T): T {
  const { complete, error } = observer as { complete?: () => void; error?: (error: unknown) => void };
  return { complete: () => complete?.call(observer), error: (thrown: unknown) => error?.call(observer, thrown) } as unknown as T;
}
