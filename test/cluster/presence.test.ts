import { describe, expect, it } from 'vitest';
import type { ClusterBus } from '../../src/cluster/cluster-bus.js';
import type { Header } from '../../src/cluster/packets.js';
import { Presence } from '../../src/cluster/presence.js';

/** Nodes that say to each other, as JSON, who is present; some of it may be lost. */
class Network {
  readonly nodes = new Map<string, Presence>();
  /** The lengths of the packets. */
  readonly lengths: number[] = [];
  /** Whether a packet is lost. */
  loses: (header: Header) => boolean = () => false;

  node(name: string): Presence {
    const publish = (_topic: string, kind: string, fields: object) =>
      this.#publish(name, { kind, from: name, ...fields } as unknown as Header);
    const bus = { publish, listen: async () => true, unlisten() {} } as unknown as ClusterBus;
    const presence = new Presence({ bus, node: name, report: (error) => this.errors.push(error) });
    this.nodes.set(name, presence);
    return presence;
  }

  readonly errors: unknown[] = [];

  /** A beat of each node. */
  beat(): void {
    for (const [name, presence] of this.nodes) {
      const digest = JSON.stringify(presence.digest());
      for (const [other, receiver] of this.nodes) if (other !== name) receiver.compare(name, JSON.parse(digest));
      presence.tick();
    }
  }

  #publish(from: string, header: Header): void {
    const text = JSON.stringify(header);
    this.lengths.push(text.length);
    if (this.loses(header)) return;
    for (const [name, presence] of this.nodes) if (name !== from) presence.receive(JSON.parse(text));
  }
}

function sizesOf(presence: Presence): number[] {
  const sizes: number[] = [];
  presence.watch('open').subscribe(({ size }) => sizes.push(size));
  return sizes;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** 10,000 who are present at a node before another one asks. */
async function start() {
  const network = new Network();
  const one = network.node('n1');
  for (let number = 0; number < 10_000; number++) one.add('open', `n1.${number}`, { name: 'x'.repeat(20) });
  network.lengths.length = 0;
  const two = network.node('n2');
  return { network, one, two };
}

describe('presence', () => {
  it('passes 10,000 entries in parts that every engine takes', async () => {
    const { network, two } = await start();
    const sizes = sizesOf(two);
    await turn();
    expect(sizes).toEqual([0, 10_000]);
    expect(network.lengths.length).toBeGreaterThan(5);
    expect(Math.max(...network.lengths)).toBeLessThan(100_000);
  });

  it.each(['first', 'second', 'last'])('asks again when the %s part is lost', async (which) => {
    const { network, two } = await start();
    let part = 0;
    network.loses = ({ kind, isLast }) =>
      kind === 'presence' && (which === 'last' ? isLast === true : part++ === (which === 'first' ? 0 : 1));
    const sizes = sizesOf(two);
    await turn();
    network.loses = () => false;
    network.beat();
    network.beat();
    await turn();
    // Parts are not emitted.
    expect(sizes).toEqual([0, 10_000]);
  });

  it('converges when only the last beat arrives that reports a change', async () => {
    const { network, one, two } = await start();
    const sizes = sizesOf(two);
    await turn();
    network.loses = () => true;
    for (let number = 0; number < 10_000; number++) one.remove('open', `n1.${number}`);
    for (let count = 0; count < 6; count++) {
      one.digest();
      one.tick();
    }
    // The question behind this beat is lost, and nothing is left to ask for afterwards.
    network.loses = ({ kind }) => kind === 'who';
    network.beat();
    network.loses = () => false;
    network.beat();
    await turn();
    expect(sizes.at(-1)).toBe(0);
    network.loses = () => true;
    one.add('open', 'n1.again', null);
    network.beat();
    network.beat();
    network.loses = () => false;
    network.beat();
    await turn();
    expect(sizes.at(-1)).toBe(1);
  });

  it('reports the versions of few channels in one beat, and of all in turn', async () => {
    const network = new Network();
    const one = network.node('n1');
    for (let number = 0; number < 300; number++) one.add(`open${number}`, `n1.${number}`, null);
    for (let count = 0; count < 20; count++) one.tick();
    const reported = new Set<string>();
    for (let count = 0; count < 15; count++) {
      const channels = Object.keys(one.digest());
      expect(channels).toHaveLength(20);
      for (const channel of channels) reported.add(channel);
      one.tick();
    }
    expect(reported.size).toBe(300);
  });

  it('uses no version twice for a channel that it has forgotten', async () => {
    const network = new Network();
    const [one, two] = [network.node('n1'), network.node('n2')];
    const sizes = sizesOf(two);
    one.add('open', 'n1.1', null);
    await turn();
    network.loses = () => true;
    one.remove('open', 'n1.1');
    for (let count = 0; count < 10; count++) one.tick();
    network.loses = () => false;
    one.add('open', 'n1.2', null);
    one.add('open', 'n1.3', null);
    await turn();
    network.beat();
    await turn();
    expect(sizes.at(-1)).toBe(2);
  });

  it('ignores what is no entry', async () => {
    const network = new Network();
    const one = network.node('n1');
    const sizes = sizesOf(one);
    const header = { kind: 'presence', from: 'n2', channel: 'open', version: 1, previous: 0, joined: [], left: [] };
    const hostile = [
      { joined: [[{ toString: 1 }, 1]] },
      { joined: [null] },
      { left: [{ toString: 1 }] },
      { version: 1.5 },
      { version: '1' },
    ];
    for (const fields of hostile) expect(one.receive({ ...header, ...fields } as unknown as Header)).toBe(true);
    await turn();
    expect(sizes).toEqual([0]);
    expect(network.errors).toEqual([]);
  });
});

describe('the presence of many channels that are left at once', () => {
  it('does not grow with their number', async () => {
    const topics = new Set<string>();
    const bus = {
      publish() {},
      async listen(topic: string) {
        topics.add(topic);
        return true;
      },
      unlisten: (topic: string) => topics.delete(topic),
    } as unknown as ClusterBus;
    const presence = new Presence({ bus, node: 'n1', report() {} });
    for (let beat = 0; beat < 10; beat++) {
      for (let number = 0; number < 2_000; number++) {
        presence.add(`open${beat}-${number}`, 'n1.1', null);
        presence.remove(`open${beat}-${number}`, 'n1.1');
      }
      presence.digest();
      presence.tick();
    }
    expect(topics.size).toBeLessThanOrEqual(2_000);
    // The last ones are reported in every beat.
    for (let beats = 0; beats < 100; beats++) presence.tick();
    expect(topics.size).toBe(0);
  });

  it('converges although the messages that say so were lost', async () => {
    const network = new Network();
    const [one, two] = [network.node('n1'), network.node('n2')];
    const sizes = Array.from({ length: 1_500 }, () => -1);
    for (const at of sizes.keys()) {
      two.watch(`open${at}`).subscribe(({ size }) => {
        sizes[at] = size;
      });
      one.add(`open${at}`, 'n1.1', null);
    }
    await turn();
    expect(sizes.every((size) => size === 1)).toBe(true);
    network.loses = () => true;
    for (const at of sizes.keys()) one.remove(`open${at}`, 'n1.1');
    network.loses = () => false;
    for (let beats = 0; beats < 10; beats++) network.beat();
    await turn();
    expect(sizes.every((size) => size === 0)).toBe(true);
  });
});
