import { writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { asyncScheduler } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../scripts/processes.mjs';
import { type NatsOptions, nats } from '../../src/cluster/backplanes/nats.js';
import type { Backplane, Bus, BusState, Delivery, Keep, Log, Position } from '../../src/cluster/bus.js';
import { startLaboratory } from '../support/laboratory.js';
import { type NatsServer, startNats } from '../support/nats-server.js';
import { eventually, until } from '../support/wait.js';

const KEEP: Keep = { size: 10_000, ttl: 600_000 };

let servers: NatsServer[] = [];
let nodes: Node[] = [];
let connections: NatsConnection[] = [];
afterEach(async () => {
  for (const server of servers) server.resume();
  await Promise.all(nodes.map(({ bus }) => bus.close()));
  await Promise.all(connections.map((connection) => connection.close()));
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  [servers, nodes, connections] = [[], [], []];
});

interface Node {
  readonly bus: Bus;
  readonly log: Log;
  readonly states: BusState[];
  readonly deliveries: Delivery[];
  readonly errors: Error[];
  readonly lost: Map<string, number>;
  readonly reasons: string[];
}

/** Starts a server; the test ends it. */
async function engine(options?: Parameters<typeof startNats>[0]): Promise<NatsServer> {
  const server = await startNats(options);
  servers.push(server);
  return server;
}

/** Connects a node; the test closes it. */
function open(backplane: Backplane): Node {
  const node = {
    states: [] as BusState[],
    deliveries: [] as Delivery[],
    errors: [] as Error[],
    lost: new Map<string, number>(),
    reasons: [] as string[],
  };
  const bus = backplane.open({
    node: `node-${nodes.length}`,
    scheduler: asyncScheduler,
    report: (error) => node.errors.push(error),
    lost(topic, count, reason) {
      node.lost.set(topic, (node.lost.get(topic) ?? 0) + count);
      node.reasons.push(reason);
    },
  });
  bus.state$.subscribe((state) => node.states.push(state));
  bus.message$.subscribe((delivery) => node.deliveries.push(delivery));
  const opened = { ...node, bus, log: bus.log as Log };
  nodes.push(opened);
  return opened;
}

/** Connects a node that is up. */
async function join(server: NatsServer, options?: NatsOptions): Promise<Node> {
  const node = open(nats((settings) => connect({ ...settings, reconnectTimeWait: 50, servers: server.url }), options));
  await until(() => node.states.at(-1) === 'up');
  return node;
}

/** Connects another program. */
async function stranger(server: NatsServer): Promise<NatsConnection> {
  const connection = await connect({ servers: server.url });
  connections.push(connection);
  return connection;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const stringOf = ({ data }: Delivery) => new TextDecoder().decode(data);
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

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

describe('when the server crashes', () => {
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
      await server.start();
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
      // The histories are gone with the server, ten times.
      expect(follower.gaps).toBe(10);
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
      await server.start();
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

describe('when the server is silent', () => {
  it('goes on after 3 s, and misses nothing of a history', async () => {
    const server = await engine();
    const [writer, reader] = [await join(server), await join(server)];
    await reader.bus.listen(['news']);
    const follower = new Follower(reader, 'news');
    await follower.catchUp();
    const running = traffic(writer, 'news');
    await until(() => running.confirmed.length > 50);
    server.pause();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    server.resume();
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
    server.pause();
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
    server.resume();
    await until(() => node.states.at(-1) === 'up' && node.bus.bufferedAmount === 0);
    await node.bus.listen(['other']);
    node.bus.publish('other', bytes('c'));
    await until(() => node.deliveries.some(({ topic }) => topic === 'other'));
  });
});

describe('when the network swallows everything', () => {
  it('connects anew, also with bytes that cannot leave, and counts what was lost', async () => {
    const server = await engine();
    const laboratory = await startLaboratory(Number(new URL(server.url).port));
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

describe('when the history is lost', () => {
  it('begins another epoch after the stream was deleted', async () => {
    const server = await engine();
    const [writer, reader] = [await join(server), await join(server)];
    await reader.bus.listen(['news']);
    const first = await writer.log.append('news', bytes('a'), KEEP);
    const { streams } = await jetstreamManager(await stranger(server));
    await streams.delete(`primus-${first.epoch}`);
    const read = await reader.log.read('news', first, 10);
    expect([read.entries, read.whole, read.head.offset]).toEqual([[], false, 0]);
    expect(read.head.epoch).not.toBe(first.epoch);
    // The writer still knows the stream that was deleted.
    const second = await writer.log.append('news', bytes('b'), KEEP);
    expect(second).toEqual({ epoch: read.head.epoch, offset: 1 });
    await until(() => reader.deliveries.length === 2);
    expect(reader.deliveries.map(({ at }) => at)).toEqual([first, second]);
    expect((await reader.log.read('news', read.head, 10)).whole).toBe(true);
  });

  it('says that entries may be missing when the stream was purged', async () => {
    const node = await join(await engine());
    const first = await node.log.append('news', bytes('a'), KEEP);
    const last = await node.log.append('news', bytes('b'), KEEP);
    const { streams } = await jetstreamManager(await stranger(servers[0] as NatsServer));
    await streams.purge(`primus-${first.epoch}`);
    expect((await node.log.read('news', last, 10)).whole).toBe(false);
    await node.log.append('news', bytes('c'), KEEP);
    const read = await node.log.read('news', first, 10);
    expect([read.entries.map(stringOf), read.whole]).toEqual([['c'], false]);
  });

  it('says so when the stream has dropped entries by its own limits', async () => {
    const node = await join(await engine(), { stream: { maxAge: 2000 } });
    const keep = { size: 10, ttl: 2000 };
    const { head: empty } = await node.log.read('news', 'head', 1);
    const first = await node.log.append('news', bytes('a'), keep);
    const last = await node.log.append('news', bytes('b'), keep);
    expect((await node.log.read('news', empty, 10)).whole).toBe(true);
    await until(async () => (await node.log.read('news', 'head', 1)).head.offset === 0);
    await node.log.append('news', bytes('c'), keep);
    await node.log.append('news', bytes('d'), keep);
    expect((await node.log.read('news', last, 10)).whole).toBe(true);
    for (const since of [empty, first]) {
      const read = await node.log.read('news', since, 10);
      expect(read.whole).toBe(false);
      expect(read.entries.length).toBeGreaterThan(0);
    }
  });
});

describe('histories', () => {
  it('have one epoch when all nodes begin at once', async () => {
    const server = await engine();
    const members = await Promise.all(Array.from({ length: 8 }, () => join(server)));
    const positions = await Promise.all(members.map(({ log }) => log.append('news', bytes('a'), KEEP)));
    expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
    expect(new Set(positions.map(({ offset }) => offset)).size).toBe(8);
  });

  it('that are short do not fill the stream', async () => {
    const node = await join(await engine());
    const keep = { size: 5, ttl: 60_000 };
    let last: Position | undefined;
    for (let round = 0; round < 20; round += 1) {
      const appends = Array.from({ length: 100 }, (_, index) => node.log.append(`news ${index % 2}`, bytes(`${round}`), keep));
      [last] = (await Promise.all(appends)).slice(-1);
    }
    const { streams } = await jetstreamManager(await stranger(servers[0] as NatsServer));
    await eventually(async () => {
      expect((await streams.info(`primus-${last?.epoch}`)).state.messages).toBeLessThan(1000);
    });
    const read = await node.log.read('news 1', { ...(last as Position), offset: 1 }, 100);
    expect([read.entries.length, read.whole]).toEqual([5, false]);
    const since = read.entries[0]?.at as Position;
    expect(await node.log.read('news 1', since, 100)).toMatchObject({ whole: true, entries: read.entries.slice(1) });
  });

  it('pass over any number of expired entries', async () => {
    const node = await join(await engine());
    const first = await node.log.append('news', bytes('old'), { size: 100, ttl: 2000 });
    for (let index = 0; index < 20; index += 1) await node.log.append('news', bytes('old'), { size: 100, ttl: 2000 });
    await until(async () => (await node.log.read('news', first, 100)).entries.length === 0);
    const keep = { size: 100, ttl: 2000 };
    await Promise.all(['a', 'b', 'c'].map((entry) => node.log.append('news', bytes(entry), keep)));
    const read = await node.log.read('news', first, 2);
    expect([read.entries.map(stringOf), read.whole]).toEqual([['a', 'b'], false]);
  });

  it('that are larger than the stream are rejected', async () => {
    const node = await join(await engine(), { stream: { maxSize: 100, maxAge: 1000 } });
    const option = { code: 'ERR_PRIMUS_OPTION' };
    expect(await failure(node.log.append('news', bytes('a'), { size: 101, ttl: 1000 }))).toMatchObject(option);
    expect(await failure(node.log.append('news', bytes('a'), { size: 100, ttl: 1001 }))).toMatchObject(option);
    await node.log.append('news', bytes('a'), { size: 100, ttl: 1000 });
  });

  it('leave no consumer on the server', async () => {
    const node = await join(await engine());
    const { epoch } = await node.log.append('news', bytes('a'), KEEP);
    for (let index = 0; index < 20; index += 1) await node.log.read('news', { epoch: 'other', offset: index }, 10);
    const { consumers } = await jetstreamManager(await stranger(servers[0] as NatsServer));
    await eventually(async () => expect(await consumers.list(`primus-${epoch}`).next()).toEqual([]));
  });

  it('get larger limits from a node that has them, and no smaller ones', async () => {
    const server = await engine();
    const small = await join(server, { stream: { maxSize: 10 } });
    const { epoch } = await small.log.append('news', bytes('a'), { size: 10, ttl: 1000 });
    const large = await join(server, { stream: { maxSize: 500 } });
    await large.log.append('news', bytes('b'), { size: 500, ttl: 1000 });
    const { streams } = await jetstreamManager(await stranger(server));
    expect((await streams.info(`primus-${epoch}`)).config.max_msgs_per_subject).toBe(501);
    const other = await join(server, { stream: { maxSize: 20 } });
    await other.log.append('news', bytes('c'), { size: 20, ttl: 1000 });
    expect((await streams.info(`primus-${epoch}`)).config.max_msgs_per_subject).toBe(501);
  });
});

describe('what the server refuses', () => {
  it('reports a wrong password once, and connects when it is accepted', async () => {
    const server = await engine({ args: ['--user', 'primus', '--pass', 'right'] });
    const node = open(nats((settings) => connect({ ...settings, servers: server.url, user: 'primus', pass: 'wrong' })));
    await until(() => node.errors.length > 0);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(/Authorization Violation/i) });
    expect(await failure(node.bus.listen(['room']))).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    node.bus.publish('room', bytes('a'));
    expect(node.lost.get('room')).toBe(1);
    expect(node.states).toEqual(['down']);
    expect(node.errors).toHaveLength(1);
    await server.kill();
    await server.start(['--user', 'primus', '--pass', 'wrong']);
    await until(() => node.states.at(-1) === 'up');
    node.bus.publish('room', bytes('b'));
    await until(() => node.deliveries.length === 1);
  });

  it('rejects histories without JetStream, and says how to get it', async () => {
    const node = await join(await engine({ jetStream: false }));
    const expected = { code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining('start nats-server with -js') };
    expect(await failure(node.log.append('news', bytes('a'), KEEP))).toMatchObject(expected);
    expect(await failure(node.log.read('news', 'head', 1))).toMatchObject(expected);
    await node.bus.listen(['room']);
    node.bus.publish('room', bytes('a'));
    await until(() => node.deliveries.length === 1);
  });

  it('rejects a topic that the node may not listen to, and reports a publication that it may not send', async () => {
    const folder = temporaryFolder('nats-permissions');
    const file = path(folder, 'nats.conf');
    const permissions = '{ publish: { deny: "primus.m.write" }, subscribe: { deny: "primus.m.read" } }';
    writeFileSync(file, `authorization { users: [{ user: a, password: a, permissions: ${permissions} }] }`);
    const server = await engine({ args: ['-c', file] });
    const node = open(nats((settings) => connect({ ...settings, servers: server.url, user: 'a', pass: 'a' })));
    await until(() => node.states.at(-1) === 'up');
    const refusal = { code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining("'read'") };
    expect(await failure(node.bus.listen(['read', 'room']))).toMatchObject(refusal);
    node.bus.publish('write', bytes('a'));
    await until(() => node.errors.some(({ message }) => message.includes('primus.m.write')));
    node.bus.publish('room', bytes('b'));
    await until(() => node.deliveries.length === 1);
    removeFolder(folder);
  });

  it('drops and counts what other programs have forged', async () => {
    const server = await engine();
    const node = await join(server);
    const other = await stranger(server);
    const { epoch, offset } = await node.log.append('room', bytes('a'), KEEP);
    await node.bus.listen(['room']);
    const entry = Buffer.concat([Buffer.from([1]), Buffer.alloc(12), Buffer.from('forged')]);
    const honest = {
      'Nats-Stream': `primus-${epoch}`,
      'Nats-Subject': 'primus.h.room',
      'Nats-Sequence': `${offset + 1}`,
      'Nats-Last-Sequence': `${offset}`,
    };
    const forgeries: [object, Uint8Array][] = [
      [{ any: 'header' }, entry],
      [{ ...honest, 'Nats-Stream': 'other' }, entry],
      [{ ...honest, 'Nats-Stream': 'primus-' }, entry],
      [{ ...honest, 'Nats-Subject': 'primus.h.other' }, entry],
      [{ ...honest, 'Nats-Sequence': 'NaN' }, entry],
      [{ ...honest, 'Nats-Sequence': '-1' }, entry],
      [{ ...honest, 'Nats-Sequence': '1e400' }, entry],
      [{ ...honest, 'Nats-Last-Sequence': `${offset + 1}` }, entry],
      [{ ...honest, 'Nats-Last-Sequence': '' }, entry],
      [honest, new Uint8Array()],
      [honest, Buffer.from([2, ...entry.subarray(1)])],
    ];
    for (const [fields, data] of forgeries) {
      const forged = headers();
      for (const [name, value] of Object.entries(fields)) forged.set(name, value);
      other.publish('primus.m.room', data, { headers: forged });
    }
    // An entry of the stream that no node has appended.
    other.publish('primus.h.room', Buffer.from('not an entry'));
    await other.flush();
    const { offset: next } = await node.log.append('room', bytes('b'), KEEP);
    await until(() => node.deliveries.length > 0);
    expect(node.deliveries.map(stringOf)).toEqual(['b']);
    // An entry in the stream keeps its place in the order; the cluster parses it as it parses any message.
    expect(node.lost.get('room')).toBe(forgeries.length + 1);
    expect(new Set(node.reasons)).toEqual(new Set(['malformed']));
    const read = await node.log.read('room', { epoch, offset }, 10);
    expect(read.entries.map(stringOf)).toEqual(['not an entry', 'b']);
    expect([read.whole, read.head.offset]).toEqual([true, next]);
  });
});

describe('the connection', () => {
  it('is opened again when something has closed it for good', async () => {
    const server = await engine();
    let connection: NatsConnection | undefined;
    const node = open(
      nats(async (settings) => {
        connection = await connect({ ...settings, servers: server.url });
        return connection;
      }),
    );
    await until(() => node.states.at(-1) === 'up');
    await node.bus.listen(['room']);
    await connection?.close();
    await until(() => node.states.join() === 'down,up,down,up');
    node.bus.publish('room', bytes('a'));
    await until(() => node.deliveries.length === 1);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    await node.log.append('news', bytes('a'), KEEP);
  });

  it('of the caller says what to do when it is closed for good', async () => {
    const server = await engine();
    const connection = await connect({ servers: server.url });
    const node = open(nats(connection));
    await until(() => node.states.at(-1) === 'up');
    await connection.close();
    await until(() => node.errors.length > 0);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining('maxReconnectAttempts: -1') });
    expect(node.states.at(-1)).toBe('down');
    node.bus.publish('room', bytes('a'));
    expect(node.lost.get('room')).toBe(1);
    const late = open(nats(connection));
    await until(() => late.errors.length > 0);
    expect(late.states).toEqual(['down']);
  });

  it('is closed when the bus was closed while it was being opened', async () => {
    const server = await engine();
    let connection: NatsConnection | undefined;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const node = open(
      nats(async (settings) => {
        await released;
        connection = await connect({ ...settings, servers: server.url });
        return connection;
      }),
    );
    await node.bus.close();
    release();
    await until(() => connection?.isClosed());
    expect(node.errors).toEqual([]);
  });

  it('must be one, or a function that makes one', async () => {
    for (const wrong of [undefined, null, 'nats://127.0.0.1', {}, 4222]) {
      expect(() => nats(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_BACKPLANE' }));
    }
    const node = open(nats(async () => ({}) as never));
    await until(() => node.errors.length > 0);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
  });
});

it('checks its options', () => {
  const connection = async () => ({}) as never;
  const wrong = [
    { prefix: '' },
    { prefix: 'a.b' },
    { prefix: 'ü' },
    { prefix: 7 },
    { prefix: 'x'.repeat(65) },
    { stream: 'file' },
    { stream: { storage: 'disk' } },
    { stream: { replicas: 2 } },
    { stream: { maxSize: 0 } },
    { stream: { maxSize: 1.5 } },
    { stream: { maxAge: 'long' } },
    { stream: { maxBytes: -1 } },
  ];
  for (const options of wrong) {
    expect(() => nats(connection, options as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  }
});

it('keeps clusters with different prefixes apart', async () => {
  const server = await engine();
  const [left, right] = [await join(server, { prefix: 'left' }), await join(server, { prefix: 'left-0' })];
  await Promise.all([left.bus.listen(['room']), right.bus.listen(['room'])]);
  left.bus.publish('room', bytes('a'));
  const { epoch } = await left.log.append('room', bytes('b'), KEEP);
  expect((await right.log.read('room', 'head', 1)).head).toMatchObject({ offset: 0 });
  expect((await right.log.read('room', 'head', 1)).head.epoch).not.toBe(epoch);
  right.bus.publish('room', bytes('c'));
  await until(() => left.deliveries.length === 2 && right.deliveries.length === 1);
  expect(right.deliveries.map(stringOf)).toEqual(['c']);
});
