import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../../scripts/ports.mjs';
import { Child } from '../child.js';
import type { Random } from '../fuzz/random.js';
import { Laboratory } from '../laboratory/laboratory.js';
import { Balancer } from './balancer.js';
import { type BreakableEngine, type EngineName, startEngine } from './engine.js';
import type { ClusterNodeMethods, ClusterNodeSettings, NodeReport } from './node.js';
import { Subscriber } from './subscriber.js';

/** The number of nodes, and of clients that stay. */
export const NODES = 4;
const SUBSCRIBERS = 4;

/** The bytes that may wait in a node for its engine. */
export const OUTBOX = 8_388_608;

/** One node: the network between it and the engine, and the process that it is at present. */
export class ClusterNode {
  readonly name: string;
  readonly lab: Laboratory;
  readonly port: number;
  readonly #engine: EngineName;
  #child: Child<ClusterNodeMethods> | undefined;
  #runs = 0;
  /** Whether its process is stopped: it answers nothing. */
  isPaused = false;

  constructor(name: string, engine: EngineName, lab: Laboratory, port: number) {
    this.name = name;
    this.#engine = engine;
    this.lab = lab;
    this.port = port;
  }

  /** The name of the present process. */
  get run(): string {
    return `${this.name}-${this.#runs}`;
  }

  get child(): Child<ClusterNodeMethods> {
    return this.#child as Child<ClusterNodeMethods>;
  }

  async start(): Promise<void> {
    this.#runs++;
    const settings = { node: this.name, run: this.run, engine: this.#engine, enginePort: this.lab.port, outbox: OUTBOX };
    this.#child = new Child<ClusterNodeMethods>('./cluster-node.js', settings satisfies ClusterNodeSettings, ['--expose-gc']);
    await this.child.call('listen', this.port);
  }

  async close(): Promise<void> {
    await this.#child?.stop();
    await this.lab.close();
  }
}

/** The scene of the faults of a cluster: an engine, nodes, and clients that move between them. */
export class ClusterScene {
  readonly engine: BreakableEngine;
  readonly nodes: readonly ClusterNode[];
  /** How long a fault may last that has no limit of its own, in ms. */
  longest = 9_000;
  readonly subscribers: Subscriber[] = [];
  /** The last reports of processes that were killed since the last check. */
  readonly dead = new Map<string, NodeReport>();
  /** The reports of all other processes that have ended. */
  readonly retired: NodeReport[] = [];
  random!: Random;
  readonly #balancer: Balancer;
  #late = 0;

  private constructor(engine: BreakableEngine, nodes: readonly ClusterNode[], balancer: Balancer) {
    this.engine = engine;
    this.nodes = nodes;
    this.#balancer = balancer;
  }

  static async start(name: EngineName): Promise<ClusterScene> {
    const engine = await startEngine(name);
    const nodes: ClusterNode[] = [];
    for (let number = 1; number <= NODES; number++)
      nodes.push(new ClusterNode(`n${number}`, name, await Laboratory.start(engine.server.port), await freePort()));
    const scene = new ClusterScene(engine, nodes, await Balancer.start(nodes.map(({ port }) => port)));
    await Promise.all(nodes.map((node) => node.start()));
    for (let number = 1; number <= SUBSCRIBERS; number++) scene.subscribe(`c${number}`);
    return scene;
  }

  /** Connects a client that subscribes to all channels. */
  subscribe(name = `late-${++this.#late}`): Subscriber {
    const subscriber = new Subscriber(name, this.#balancer.url);
    this.subscribers.push(subscriber);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber): void {
    subscriber.close();
    this.subscribers.splice(this.subscribers.indexOf(subscriber), 1);
  }

  /** Ends the process of a node at once. What it has published is remembered. */
  async kill(node: ClusterNode): Promise<void> {
    await node.child.call('busy', false);
    this.dead.set(node.run, await node.child.call('report'));
    await node.child.stop();
  }

  /** Starts the process of a node that has ended. */
  async restart(node: ClusterNode, isBusy = true): Promise<void> {
    await node.start();
    for (const subscriber of this.subscribers) subscriber.expect(node.run);
    await node.child.call('busy', isBusy);
  }

  /** Marks the processes that have ended as checked. */
  retire(): void {
    this.retired.push(...this.dead.values());
    this.dead.clear();
  }

  pause(least: number, most = this.longest): Promise<void> {
    return pause(this.random.int(least, most));
  }

  /** Waits for a condition, and returns how long it took, in ms; not longer than the limit. */
  async timeUntil(condition: () => Promise<boolean>, limit: number): Promise<number> {
    const begin = performance.now();
    while (performance.now() - begin < limit && !(await condition())) await pause(20);
    return performance.now() - begin;
  }

  async close(): Promise<void> {
    for (const subscriber of this.subscribers) subscriber.close();
    await Promise.all(this.nodes.map((node) => node.close()));
    this.#balancer.close();
    await this.engine.server.close();
  }
}
