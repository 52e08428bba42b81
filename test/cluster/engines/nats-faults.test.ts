import { connect } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import { nats } from '../../../src/cluster/backplanes/nats.js';
import type { Delivery, Log, Position } from '../../../src/cluster/bus.js';
import { startLaboratory } from '../../support/laboratory.js';
import { eventually, until } from '../../support/wait.js';
import { bytes, engine, failure, join, KEEP, type Node, open, stringOf } from './nats-nodes.js';

/** Follows a history as a node does: delivers what continues it, and reads what is missing. */
class Follower {
  readonly received: string[] = [];
  /** The times that something may be missing. */
  gaps = 0;
  #position: Position | undefined;
  readonly #log: Log;
  readonly #topic: string;
  #work = Promise.resolve();

  constructor({ bus, log }: Node, topic: string) {
    this.#log = log;
    this.#topic = topic;
    bus.message$.subscribe((delivery) => {
      this.#work = this.#work.then(() => this.#take(delivery));
    });
    bus.state$.subscribe((state) => {
      if (state === 'up') void this.catchUp();
    });
  }

  async #take(delivery: Delivery): Promise<void> {
    const { at, previous } = delivery as Required<Delivery>;
    const last = this.#position;
    if (last && at.epoch === last.epoch && at.offset <= last.offset) return;
    if (last && (at.epoch !== last.epoch || previous !== last.offset)) await this.#read();
    else this.#deliver(delivery);
  }

  /** Reads what is behind the position, when what was announced before is delivered. */
  catchUp(): Promise<void> {
    this.#work = this.#work.then(() => this.#read());
    return this.#work;
  }

  /** Tries again until the engine answers. */
  async #read(): Promise<void> {
    const since = this.#position ?? 'head';
    const read = await eventually(() => this.#log.read(this.#topic, since, 100_000));
    if (!read.whole) this.gaps += 1;
    for (const entry of read.entries) this.#deliver(entry);
    this.#position = read.entries.at(-1)?.at ?? (read.whole && since !== 'head' ? since : read.head);
  }

  #deliver(entry: Delivery): void {
    this.received.push(stringOf(entry));
    this.#position = entry.at;
  }
}

/** Appends numbered entries until it is stopped, and notes which the engine has confirmed. */
function traffic({ log }: Node, topic: string) {
  const confirmed: string[] = [];
  let rejected = 0;
  let count = 0;
  let stopped = false;
  const running = (async () => {
    const appends: Promise<void>[] = [];
    while (!stopped) {
      const entry = `${count++}`;
      appends.push(
        log.append(topic, bytes(entry), KEEP).then(
          () => void confirmed.push(entry),
          () => {
            rejected += 1;
          },
        ),
      );
      if (count % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await Promise.all(appends);
  })();
  return {
    confirmed,
    get rejected() {
      return rejected;
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
}

describe.skipIf(missingEngine('nats-server'))('when the server crashes', () => {
  it.each(['file', 'memory'] as const)('misses nothing of a history in a %s without a gap', async (storage) => {
    const server = await engine();
    const [writer, reader] = [await join(server, { stream: { storage } }), await join(server, { stream: { storage } })];
    await reader.bus.listen(['news']);
    const follower = new Follower(reader, 'news');
    await follower.catchUp();
    const { epoch } = (await reader.log.read('news', 'head', 0)).head;
    const running = traffic(writer, 'news');
    for (let round = 0; round < 10; round += 1) {
      const confirmed = running.confirmed.length;
      await until(() => running.confirmed.length > confirmed + 50);
      const up = reader.states.length;
      await server.kill();
      await until(() => reader.states.at(-1) === 'down' && writer.states.at(-1) === 'down');
      await server.restart();
      await until(() => reader.states.length >= up + 2 && reader.states.at(-1) === 'up' && writer.states.at(-1) === 'up');
    }
    await running.stop();
    await follower.catchUp();
    const received = new Set(follower.received);
    const missing = running.confirmed.filter((entry) => !received.has(entry));
    expect(follower.received).toHaveLength(received.size);
    expect(running.rejected).toBeGreaterThan(0);
    expect(missing.length === 0 || follower.gaps > 0).toBe(true);
    if (storage === 'file') {
      expect(missing).toEqual([]);
      expect((await reader.log.read('news', 'head', 0)).head.epoch).toBe(epoch);
    } else {
      // The histories are gone with the server, ten times. One that nothing was read of before it was gone again is part of the next gap.
      expect(follower.gaps).toBeGreaterThan(0);
      expect(follower.gaps).toBeLessThanOrEqual(10);
      expect((await reader.log.read('news', 'head', 0)).head.epoch).not.toBe(epoch);
    }
  });

  it('counts each message that was not delivered, or delivers it', async () => {
    const server = await engine();
    const [publisher, listener] = [await join(server), await join(server)];
    await listener.bus.listen(['room']);
    let count = 0;
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 500; index += 1) publisher.bus.publish('room', bytes(`${count++}`));
      await server.kill();
      for (let index = 0; index < 500; index += 1) publisher.bus.publish('room', bytes(`${count++}`));
      await until(() => publisher.states.at(-1) === 'down');
      for (let index = 0; index < 500; index += 1) publisher.bus.publish('room', bytes(`${count++}`));
      await server.restart();
      await until(() => publisher.states.at(-1) === 'up' && listener.states.at(-1) === 'up');
      await listener.bus.listen(['room']);
    }
    publisher.bus.publish('room', bytes(`${count++}`));
    await until(() => listener.deliveries.length > 0 && stringOf(listener.deliveries.at(-1) as Delivery) === `${count - 1}`);
    const received = listener.deliveries.map(stringOf);
    expect(received).toEqual([...new Set(received)].sort((a, b) => Number(a) - Number(b)));
    expect(received.length + (publisher.lost.get('room') ?? 0)).toBeGreaterThanOrEqual(count);
    expect(publisher.lost.get('room')).toBeLessThanOrEqual(count);
    await until(() => publisher.bus.bufferedAmount === 0);
  });
});

describe.skipIf(missingEngine('nats-server'))('when the server is silent', () => {
  it('goes on after 3 s, and misses nothing of a history', async () => {
    const server = await engine();
    const [writer, reader] = [await join(server), await join(server)];
    await reader.bus.listen(['news']);
    const follower = new Follower(reader, 'news');
    await follower.catchUp();
    const running = traffic(writer, 'news');
    await until(() => running.confirmed.length > 50);
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    server.continue();
    const confirmed = running.confirmed.length;
    await until(() => running.confirmed.length > confirmed + 50);
    await running.stop();
    await follower.catchUp();
    const received = new Set(follower.received);
    expect(running.confirmed.filter((entry) => !received.has(entry))).toEqual([]);
    expect(follower.gaps).toBe(0);
  });

  it('is down after 5 s, buffers at most 16 MiB, counts the rest, and is up again when the server answers', async () => {
    const server = await engine();
    const node = await join(server);
    await node.bus.listen(['room']);
    await server.stop();
    const pending = [
      failure(node.log.append('news', bytes('a'), KEEP)),
      failure(node.log.read('news', 'head', 1)),
      failure(node.bus.listen(['other'])),
    ];
    for (let index = 0; index < 20; index += 1) node.bus.publish('room', new Uint8Array(1_000_000));
    expect(node.bus.bufferedAmount).toBeGreaterThan(16_000_000);
    expect(node.bus.bufferedAmount).toBeLessThanOrEqual(16_777_216);
    expect(node.lost.get('room')).toBe(4);
    for (const error of await Promise.all(pending)) expect(error).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    expect(node.states).toEqual(['down', 'up', 'down']);
    expect(node.errors.map(({ message }) => message)).toEqual(['NATS did not answer within 5000 ms']);
    node.bus.publish('room', bytes('b'));
    expect(node.lost.get('room')).toBe(5);
    server.continue();
    await until(() => node.states.at(-1) === 'up' && node.bus.bufferedAmount === 0);
    await node.bus.listen(['other']);
    node.bus.publish('other', bytes('c'));
    await until(() => node.deliveries.some(({ topic }) => topic === 'other'));
  });
});

describe.skipIf(missingEngine('nats-server'))('when the network swallows everything', () => {
  it('connects anew, also with bytes that cannot leave, and counts what was lost', async () => {
    const server = await engine();
    const laboratory = await startLaboratory(server.port);
    const servers = `nats://127.0.0.1:${laboratory.port}`;
    const node = open(nats((settings) => connect({ ...settings, servers })));
    await until(() => node.states.at(-1) === 'up');
    await node.bus.listen(['room']);
    laboratory.blackhole(undefined, { present: true });
    for (let index = 0; index < 16; index += 1) node.bus.publish('room', new Uint8Array(1_000_000));
    await until(() => node.states.join() === 'down,up,down,up');
    expect(node.lost.get('room')).toBe(16);
    node.bus.publish('room', bytes('a'));
    await until(() => node.deliveries.length === 1);
    expect(node.bus.bufferedAmount).toBeLessThan(100);
  });
});
