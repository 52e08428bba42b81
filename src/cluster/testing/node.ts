import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { asyncScheduler, type Subscription } from 'rxjs';
import type { Backplane, Bus, BusState, Delivery } from '../bus.js';

/** How long anything may take before it counts as missing, in ms. Only a case that fails waits so long. */
const LIMIT = 30_000;

/** A node on the engine: a bus that is up, with everything that it delivered and reported. */
export interface TestNode {
  readonly bus: Bus;
  readonly deliveries: Delivery[];
  /** The messages that the bus reported to `lost`. */
  readonly losses: { readonly topic: string; readonly count: number; readonly reason: string }[];
  /** The errors that the bus reported to `report`. */
  readonly errors: Error[];
}

/** The nodes of one case. Closes every bus that the case has opened. */
export class TestBed {
  /** More bytes than the engine takes as one message; `undefined` when there is no such limit. */
  readonly tooLong: number | undefined;
  readonly #backplane: Backplane;
  readonly #run = randomUUID().slice(0, 8);
  readonly #nodes: TestNode[] = [];
  readonly #subscriptions: Subscription[] = [];

  constructor(backplane: Backplane, tooLong?: number) {
    this.#backplane = backplane;
    this.tooLong = tooLong;
  }

  /** Connects a node, and waits until its bus is up. */
  async open(): Promise<TestNode> {
    const node = this.connect();
    let state: BusState | undefined;
    this.#subscriptions.push(node.bus.state$.subscribe((value) => (state = value)));
    await until('the state "up"', () => state === 'up');
    return node;
  }

  /** Connects a node. */
  connect(): TestNode {
    const losses: TestNode['losses'][number][] = [];
    const errors: Error[] = [];
    const bus = this.#backplane.open({
      node: `node-${this.#run}-${this.#nodes.length}`,
      scheduler: asyncScheduler,
      report: (error) => errors.push(error),
      lost: (topic, count, reason) => losses.push({ topic, count, reason }),
    });
    const node: TestNode = { bus, deliveries: [], losses, errors };
    this.#subscriptions.push(bus.message$.subscribe((delivery) => node.deliveries.push(delivery)));
    this.#nodes.push(node);
    return node;
  }

  /** Connects nodes that all listen to a topic. */
  async listeners(topic: string, count: number): Promise<TestNode[]> {
    const nodes = await Promise.all(Array.from({ length: count }, () => this.open()));
    await Promise.all(nodes.map(({ bus }) => bus.listen([topic])));
    return nodes;
  }

  /** The name of a topic that no other run has used: engines may keep topics. */
  topic(name: string): string {
    return `${name} ${this.#run}`;
  }

  /** Fails when a node has lost messages or reported errors. */
  assertQuiet(): void {
    for (const { losses, errors } of this.#nodes) assert.deepEqual({ losses, errors }, { losses: [], errors: [] });
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await Promise.all(this.#nodes.map(({ bus }) => bus.close()));
  }
}

/** Resolves once the condition holds, and rejects when it takes too long. */
export async function until(what: string, condition: () => unknown | Promise<unknown>): Promise<void> {
  const deadline = Date.now() + LIMIT;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `Timed out after ${LIMIT} ms: waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until a node has that many deliveries, of a topic or of all. */
export function delivered(node: TestNode, count: number, topic?: string): Promise<void> {
  return until(`${count} deliveries`, () => of(node, topic).length >= count);
}

/** The deliveries of a topic, or of all. */
export function of(node: TestNode, topic?: string): Delivery[] {
  return topic === undefined ? node.deliveries : node.deliveries.filter((delivery) => delivery.topic === topic);
}

/** Resolves as a promise does, and rejects when it takes too long to settle. */
export async function settled<T>(what: string, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const mark = () => {
    isSettled = true;
  };
  promise.then(mark, mark);
  await until(`${what} to settle`, () => isSettled);
  return promise;
}

/** The bytes of a string. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The string of a delivery. */
export function stringOf({ data }: Delivery): string {
  return new TextDecoder().decode(data);
}

/** The strings of deliveries. */
export function strings(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(stringOf);
}

/** Numbered strings: `a0`, `a1`, … */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}`);
}
