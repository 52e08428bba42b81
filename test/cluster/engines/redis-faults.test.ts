import { createClient, createCluster } from 'redis';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import type { Position } from '../../../src/cluster/bus.js';
import { redisCli } from '../../support/engines.js';
import { cleanup, until } from '../../support/serve.js';
import { bytes, engineFor, KEEP, open, openWith, stringOf, up } from './redis-nodes.js';

describe.skipIf(missingEngine('redis-server'))('the Redis backplane with faults', () => {
  it.each([
    { title: 'with persistence', cluster: false, persist: true },
    { title: 'without persistence', cluster: false, persist: false },
    { title: 'of a Redis Cluster', cluster: true, persist: true },
  ])('shows every loss when Redis $title is killed and restarted ten times under traffic', async ({ cluster, persist }) => {
    const engine = await engineFor({ cluster, persist });
    const url = `redis://127.0.0.1:${engine.port}`;
    const create = () => (cluster ? createCluster({ rootNodes: [{ url }] }) : createClient({ url }));
    const [writer, reader] = [openWith(create()), openWith(create())];
    await up(writer, reader);
    await reader.bus.listen(['news']);
    /** The entries that were confirmed. */
    const appended: { at: Position; value: string }[] = [];
    let isRunning = true;
    const traffic = (async () => {
      for (let index = 0; isRunning; index += 1) {
        const value = `${index}`;
        await writer.log.append('news', bytes(value), KEEP).then(
          (at) => appended.push({ at, value }),
          () => new Promise((resolve) => setTimeout(resolve, 5)),
        );
      }
    })();
    for (let round = 0; round < 10; round += 1) {
      const before = appended.length;
      await until(() => appended.length > before + 20);
      await engine.kill();
      await until(() => reader.state() === 'down' && writer.state() === 'down');
      await engine.restart();
      await up(writer, reader);
    }
    const before = appended.length;
    await until(() => appended.length > before + 20);
    isRunning = false;
    await traffic;
    await until(() => reader.deliveries.at(-1)?.at?.offset === appended.at(-1)?.at.offset);
    // A reader that knows the position of a confirmed entry gets everything behind it, or is shown that something is missing.
    const last = appended.at(-1) as { at: Position; value: string };
    expect(new Set(appended.map(({ at }) => at.epoch)).size).toBeGreaterThanOrEqual(11);
    for (const [index, { at }] of appended.entries()) {
      if (index % Math.ceil(appended.length / 50) !== 0) continue;
      const { entries, whole } = await reader.log.read('news', at, 100_000);
      if (at.epoch !== last.at.epoch) expect(whole).toBe(false);
      const received = new Set(entries.map(stringOf));
      if (whole) expect(appended.slice(index + 1).filter(({ value }) => !received.has(value))).toEqual([]);
    }
    // No position was given twice.
    expect(new Set(appended.map(({ at }) => `${at.epoch} ${at.offset}`)).size).toBe(appended.length);
    // Within an epoch deliveries are in order, and a hole is visible by the offset.
    for (const [index, { at }] of reader.deliveries.entries()) {
      const next = reader.deliveries[index + 1]?.at;
      if (at && next?.epoch === at.epoch && next.offset !== at.offset + 1) expect.unreachable(`${next.offset} follows ${at.offset}`);
    }
  });

  it('listens again to all topics before it is up', async () => {
    const engine = await engineFor();
    const [node, publisher] = [open(engine), open(engine)];
    await up(node, publisher);
    const topics = Array.from({ length: 2500 }, (_, index) => `topic ${index}`);
    await node.bus.listen(topics);
    await engine.kill();
    await until(() => node.state() === 'down');
    node.bus.unlisten(topics.slice(0, 100));
    const added = node.bus.listen(['added meanwhile']);
    await engine.restart();
    await added;
    await up(node, publisher);
    for (const topic of [...topics, 'added meanwhile']) publisher.bus.publish(topic, bytes(topic));
    await until(() => node.deliveries.length >= 2401);
    expect(new Set(node.deliveries.map(({ topic }) => topic))).toEqual(new Set([...topics.slice(100), 'added meanwhile']));
  });

  it('settles every promise and reports every message when Redis stops without closing its connections', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    await engine.stop();
    cleanup(() => engine.continue());
    const pending = [node.bus.listen(['more']), node.log.append('news', bytes('a'), KEEP), node.log.read('news', 'head', 1)];
    for (let index = 0; index < 500; index += 1) node.bus.publish('news', new Uint8Array(1000));
    // The data, and what the client keeps of each command.
    expect(node.bus.bufferedAmount).toBeGreaterThanOrEqual(1_000_000);
    const outcomes = await Promise.allSettled(pending);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'ERR_PRIMUS_BACKPLANE' } });
    await until(() => node.lost.reduce((sum, [, count]) => sum + count, 0) === 500);
    expect(node.bus.bufferedAmount).toBe(0);
    expect(node.state()).toBe('down');
    engine.continue();
    await up(node);
    node.bus.publish('more', bytes('again'));
    await until(() => node.deliveries.length === 1);
  });

  it('goes on when Redis stops for three seconds', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    await node.bus.listen(['news']);
    await engine.stop();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    engine.continue();
    await until(async () => {
      node.bus.publish('news', bytes('x'));
      return node.deliveries.length > 0;
    });
    expect(node.errors.every(({ code }) => code === 'ERR_PRIMUS_BACKPLANE')).toBe(true);
  });

  it('begins another epoch after FLUSHALL, and when the state or the entries of a topic are lost', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    const append = (text: string) => node.log.append('news', bytes(text), KEEP);
    const epochs = new Set<string>();
    for (const command of [['FLUSHALL'], ['FLUSHALL'], ['DEL', 'primus:{news}:state']]) {
      await append('a');
      const { epoch, offset } = await append('b');
      epochs.add(epoch);
      await redisCli(engine, ...command);
      const { entries, whole, head } = await node.log.read('news', { epoch, offset }, 10);
      expect([entries, whole, head.offset]).toEqual([[], false, 0]);
      await append('c');
      expect((await node.log.read('news', { epoch, offset: 0 }, 10)).whole).toBe(false);
    }
    expect(epochs.size).toBe(3);
    // Without its entries the position goes on, and says what is missing.
    const position = await append('d');
    await append('e');
    await redisCli(engine, 'DEL', 'primus:{news}:entries');
    expect(await node.log.read('news', position, 10)).toMatchObject({ entries: [], whole: false, head: { epoch: position.epoch } });
    await append('f');
    expect(await node.log.read('news', position, 10)).toMatchObject({ entries: [{ at: { offset: position.offset + 2 } }], whole: false });
  });

  it('appends in order after the scripts of Redis were flushed', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    await redisCli(engine, 'SCRIPT', 'FLUSH');
    const values = Array.from({ length: 50 }, (_, index) => `${index}`);
    const results = await Promise.allSettled(values.map((value) => node.log.append('news', bytes(value), KEEP)));
    // Done again behind the others, the first ones would be in another order: they reject.
    const taken = results.flatMap((result, index) => (result.status === 'fulfilled' ? [`${index}`] : []));
    const { entries } = await node.log.read('news', { epoch: '', offset: 0 }, 100);
    expect(entries.map(({ data }) => Buffer.from(data).toString())).toEqual(taken);
    expect(taken.at(-1)).toBe('49');
    await expect(node.log.append('news', bytes('next'), KEEP)).resolves.toHaveProperty('offset', taken.length + 1);
  });

  it('closes while Redis does not answer, and while it connects', async () => {
    const engine = await engineFor();
    const node = open(engine);
    await up(node);
    await engine.stop();
    cleanup(() => engine.continue());
    const connecting = open(engine);
    await Promise.all([node.bus.close(), connecting.bus.close()]);
    engine.continue();
    expect(node.states).toEqual(['down', 'up']);
    expect(connecting.states).toEqual(['down']);
    await expect(node.bus.listen(['news'])).rejects.toMatchObject({ code: 'ERR_PRIMUS_DESTROYED' });
  });

  it('delivers what was published before it was closed', async () => {
    const engine = await engineFor();
    const [node, listener] = [open(engine), open(engine)];
    await up(node, listener);
    await listener.bus.listen(['news']);
    for (let index = 0; index < 100; index += 1) node.bus.publish('news', new Uint8Array(10_000));
    await node.bus.close();
    await until(() => listener.deliveries.length === 100);
    expect(node.lost).toEqual([]);
  });

  it('leaves no connection behind, and does not touch the client that it was given', async () => {
    const engine = await engineFor();
    const client = createClient({ url: `redis://127.0.0.1:${engine.port}` });
    const node = openWith(client);
    await up(node);
    expect(client.isOpen).toBe(false);
    expect(client.options.socket).not.toHaveProperty('reconnectStrategy');
    await node.bus.close();
    const clients = async () => (await redisCli(engine, 'CLIENT', 'LIST')).trim().split('\n').length;
    await until(async () => (await clients()) === 1);
    expect(client.listenerCount('error')).toBe(0);
  });

  it('connects by itself when Redis starts later, and reports the reason once', async () => {
    const engine = await engineFor();
    await engine.kill();
    const node = open(engine);
    await until(() => node.errors.length === 1);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(/ECONNREFUSED/) });
    await expect(node.log.append('news', bytes('a'), KEEP)).rejects.toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    node.bus.publish('news', bytes('a'));
    expect(node.lost).toHaveLength(1);
    await engine.restart();
    await up(node);
    expect(node.errors).toHaveLength(1);
  });
});
