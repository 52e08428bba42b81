import { createServer } from 'node:http';
import { toArray } from 'rxjs';
import { expect } from 'vitest';
import { printPacket } from '../../src/cluster/packets.js';
import { type Answer, type Cluster, clustered, type Loss, type Present } from '../../src/cluster.js';
import type { Frame, Link } from '../../src/core/link.js';
import { Primus, type ServerOptions } from '../../src/index.js';
import { MemoryNetwork } from '../../transformers/memory/index.js';
import { Clock } from '../support/clock.js';
import { ChannelClient } from './channel-client.js';
import { SimulatedEngine } from './simulated-bus.js';

export const LEASE = 5_000;
export const OUTBOX = 20_000;
const KEEP = { size: 8, ttl: 3_600_000 };
const ROOM = 'room';
const CHANNEL = 'log';
const TOPIC = 'channel:log';

/** A message to the room: which process has sent it, and its number there. */
interface RoomMessage {
  readonly by: string;
  readonly n: number;
}

/** A question, and what became of it. */
interface Question {
  readonly asked: readonly string[];
  answers: readonly Answer[] | undefined;
}

/** One process of a cluster. */
export interface Node {
  readonly name: string;
  /** Distinguishes it from earlier ones of the name. */
  readonly instance: string;
  readonly primus: Primus;
  readonly cluster: Cluster;
  readonly network: MemoryNetwork;
  /** A client that stays. */
  readonly probe: ChannelClient;
  readonly losses: Loss[];
  present: Present;
  sent: number;
}

/** Nodes, clients that move between them, and the laws that hold. */
export class ClusterWorld {
  readonly clock = new Clock();
  readonly engine = new SimulatedEngine(this.clock);
  readonly nodes = new Map<string, Node>();
  readonly clients: ChannelClient[];
  /** The laws that were broken: a listener cannot throw. */
  readonly violations: string[] = [];
  readonly questions: Question[] = [];
  /** Every process that there was. */
  readonly all: Node[] = [];
  readonly #server: ServerOptions;
  #lives = 0;
  #published = 0;

  constructor(names: readonly string[], clients: number, server: ServerOptions = {}) {
    this.#server = server;
    for (const name of names) this.start(name);
    this.clients = Array.from({ length: clients }, (_, number) => this.#client(`client ${number}`));
  }

  // Nodes.

  /** Starts a node, if there is none of the name. */
  start(name: string): void {
    if (this.nodes.has(name)) return;
    const instance = `${name}#${++this.#lives}`;
    const network = new MemoryNetwork({ scheduler: this.clock });
    const transport = { network };
    const primus = new Primus(createServer(), {
      transformer: 'memory',
      transport,
      scheduler: this.clock,
      pingInterval: false,
      ...this.#server,
    });
    primus.on('log', (level, ...values) => this.#logged(instance, level, values));
    const cluster: Cluster = clustered(primus, this.engine, { node: name, lease: LEASE, outbox: OUTBOX });
    cluster.channels({ name: /^log$/, history: KEEP, presence: () => instance });
    cluster.handle('name', () => [name]);
    primus.on('connection', (spark) => void cluster.join(spark, ROOM));
    const probe = this.#client(`probe of ${instance}`);
    const node: Node = { name, instance, primus, cluster, network, probe, losses: [], present: new Map(), sent: 0 };
    cluster.lost$.subscribe((loss) => node.losses.push(loss));
    cluster.presence(CHANNEL).subscribe((present) => {
      node.present = present;
    });
    this.nodes.set(name, node);
    this.all.push(node);
    probe.connect(node);
    // The channel is opened and closed by the others where no client stays subscribed.
    if (name !== 'n3') probe.subscribe(CHANNEL);
  }

  /** A node dies, or leaves. */
  async stop(name: string, dies: boolean): Promise<void> {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    this.nodes.delete(name);
    if (dies) for (const bus of this.engine.buses) if (bus.node === name) bus.kill();
    node.network.down = true;
    node.network.cut();
    let isOver = false;
    node.primus.destroy({ close: false }, () => {
      isOver = true;
    });
    for (let waited = 0; !isOver; waited++) {
      expect(waited, 'ms that a server takes to be destroyed').toBeLessThan(10_000);
      await this.clock.pass(1);
    }
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms);
  }

  // Messages.

  write(name: string, count: number): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    for (let written = 0; written < count; written++) {
      const message: RoomMessage = { by: node.instance, n: ++node.sent };
      node.cluster.to({ room: ROOM }).write(message);
    }
  }

  /** Publishes numbers. Returns the last one. */
  publish(name: string, count: number): number {
    const node = this.nodes.get(name);
    for (let published = 0; published < count; published++) void node?.cluster.publish(CHANNEL, ++this.#published).catch(() => {});
    return this.#published;
  }

  ask(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    const question: Question = { asked: node.cluster.nodes, answers: undefined };
    this.questions.push(question);
    node.cluster
      .ask('name', null, { timeout: 3_000 })
      .pipe(toArray())
      .subscribe((answers) => {
        question.answers = answers;
      });
  }

  // Clients.

  connect(number: number, name: string): void {
    const node = this.nodes.get(name);
    if (node !== undefined) this.#at(number).connect(node);
  }

  /** A client without any check. */
  raw({ network }: Node) {
    const received: unknown[][] = [];
    const waiting: unknown[] = [];
    let link: Link | undefined;
    network.dial({
      url: 'http://node/primus',
      maxLength: 1e9,
      accepted: (accepted) => {
        link = accepted;
        const next = (frame: Frame) => {
          const message = JSON.parse(String(frame)) as unknown[];
          if (message[0] !== 'primus::channels') received.push(message);
        };
        link.subscribe({ next, complete() {}, error() {} });
        for (const message of waiting.splice(0)) link.send(JSON.stringify(message));
      },
      rejected() {},
    });
    const send = (message: unknown) => {
      if (link === undefined) waiting.push(message);
      else link.send(JSON.stringify(message));
    };
    return { received, send, drop: () => link?.close() };
  }

  /** How many topics the engine knows that begin so. */
  listening(prefix: string): number {
    return [...this.engine.buses].reduce((sum, bus) => sum + bus.topics.filter((topic) => topic.startsWith(prefix)).length, 0);
  }

  disconnect(number: number): void {
    this.#at(number).disconnect();
  }

  subscribe(number: number, since: 'position' | 'head' | null): void {
    this.#at(number).subscribe(CHANNEL, since);
  }

  unsubscribe(number: number): void {
    this.#at(number).unsubscribe(CHANNEL);
  }

  #at(number: number): ChannelClient {
    return this.clients[number % this.clients.length] as ChannelClient;
  }

  // The engine.

  failOver(lost: number, appended: number): void {
    const entries = Array.from({ length: appended }, () => {
      const header = { kind: 'entry', from: 'elsewhere', instance: 'elsewhere' };
      return [TOPIC, printPacket({ header, frame: JSON.stringify(++this.#published) })] as const;
    });
    this.engine.failOver(lost, entries, KEEP);
  }

  // Laws.

  /** Ends all faults, waits as long as the cluster may take, and checks the laws that hold then. */
  async converge(): Promise<void> {
    this.engine.heal();
    await this.pass(LEASE + 1_000);
    const names = [...this.nodes.keys()].sort();
    const subscribers = [...this.nodes.values()].flatMap(({ probe }) => probe).concat(this.clients);
    const present = subscribers.flatMap(({ id, isSubscribed }) => (isSubscribed && id !== undefined ? [id] : [])).sort();
    for (const node of this.nodes.values()) {
      expect(node.cluster.nodes, `law 4: the nodes that ${node.instance} knows`).toEqual(names);
      expect([...node.present.keys()].sort(), `law 4: who is present at ${node.instance}`).toEqual(present);
      expect(node.cluster.state, `the state of ${node.instance}`).toBe('up');
    }
    // The loss of the last message shows with the next one.
    this.publish(names[0] ?? '', 1);
    for (const name of names) this.write(name, 1);
    await this.pass(200);
    for (const client of subscribers) {
      if (!client.isSubscribed) continue;
      expect([...client.present.keys()].sort(), `law 4: who is present for ${client.name}`).toEqual(present);
      this.#checkHead(client);
    }
    await this.#checkLateJoiners();
    for (const { asked, answers } of this.questions) {
      expect(answers, 'law 5: every question completes').toBeDefined();
      const named = (answers ?? []).flatMap((answer) => ('missing' in answer ? answer.missing : [answer.node]));
      expect([...new Set(named)].sort(), 'law 5: answers and missing are the nodes asked').toEqual([...asked].sort());
      const values = (answers ?? []).flatMap((answer) => ('missing' in answer ? [] : [answer.node]));
      expect(values.length, 'law 5: one answer a node').toBe(new Set(values).size);
    }
    this.#checkLosses();
    for (const bus of this.engine.buses) expect(bus.burst, 'law 6: the bytes of an outbox').toBeLessThan(OUTBOX + 2_000);
    expect(this.violations).toEqual([]);
  }

  /** Destroys everything. Nothing may remain. */
  async destroy(): Promise<void> {
    for (const client of [...this.clients, ...this.all.map(({ probe }) => probe)]) client.disconnect();
    await this.pass(1);
    for (const name of [...this.nodes.keys()]) await this.stop(name, false);
    await this.pass(10);
    expect(this.clock.pending - this.engine.pending, 'law 8: timers that are left').toBe(0);
    expect(this.engine.buses.size, 'law 8: buses that are open').toBe(0);
    expect(
      this.questions.every(({ answers }) => answers !== undefined),
      'law 8: questions that are open',
    ).toBe(true);
    expect(this.violations).toEqual([]);
  }

  #checkHead(client: ChannelClient): void {
    const { epoch, last } = this.engine.logOf(TOPIC);
    expect(client.position, `law 7: the position of ${client.name}`).toEqual({ epoch, offset: last?.delivery.at.offset ?? 0 });
  }

  /** A late joiner gets the end of the history, as those before it did. */
  async #checkLateJoiners(): Promise<void> {
    for (const node of this.nodes.values()) {
      const late = this.#client(`late joiner of ${node.instance}`);
      late.connect(node);
      late.subscribe(CHANNEL, null);
      await this.pass(200);
      this.#checkHead(late);
      const kept = this.engine.logOf(TOPIC).kept.map(({ delivery }) => delivery.at.offset);
      const got = late.offsets;
      expect(got, `law 7: what ${late.name} gets`).toEqual(got.length === 0 ? [] : kept.slice(-got.length));
      late.disconnect();
      await this.pass(1);
    }
  }

  /** Checks that every message was reported that a probe has missed between two others. */
  #checkLosses(): void {
    const topic = `room:${ROOM}`;
    const lost = (losses: readonly Loss[]) => losses.reduce((sum, loss) => sum + (loss.topic === topic ? loss.count : 0), 0);
    const reported = this.all.reduce((sum, { losses }) => sum + lost(losses.filter(({ reason }) => reason !== 'missed')), 0);
    for (const { instance, probe, losses } of this.all) {
      let holes = 0;
      for (const numbers of probe.rooms.values()) {
        const [first, last] = [numbers[0] ?? 0, numbers.at(-1) ?? -1];
        holes += last - first + 1 - numbers.length;
      }
      const known = lost(losses.filter(({ reason }) => reason === 'missed')) + reported;
      expect(known, `law 1: losses that ${instance} has reported`).toBeGreaterThanOrEqual(holes);
    }
  }

  #client(name: string): ChannelClient {
    return new ChannelClient(name, this.engine, (violation) => this.violations.push(violation));
  }

  /** Checks that only errors of the engine are logged. */
  #logged(instance: string, level: string, values: readonly unknown[]): void {
    const text = values.map(String).join(' ');
    const isExpected = /The engine|is opened again/.test(text);
    if ((level === 'error' || level === 'warning') && !isExpected) this.violations.push(`law 9: ${instance} has logged ${level} ${text}`);
  }
}
