import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import type { Position } from '../../../src/cluster/bus.js';
import { eventually, until } from '../../support/wait.js';
import { bytes, engine, failure, join, KEEP, stranger, stringOf } from './nats-nodes.js';

describe.skipIf(missingEngine('nats-server'))('when the history is lost', () => {
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
    const server = await engine();
    const node = await join(server);
    const first = await node.log.append('news', bytes('a'), KEEP);
    const last = await node.log.append('news', bytes('b'), KEEP);
    const { streams } = await jetstreamManager(await stranger(server));
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

describe.skipIf(missingEngine('nats-server'))('histories', () => {
  it('have one epoch when all nodes begin at once', async () => {
    const server = await engine();
    const members = await Promise.all(Array.from({ length: 8 }, () => join(server)));
    const positions = await Promise.all(members.map(({ log }) => log.append('news', bytes('a'), KEEP)));
    expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
    expect(new Set(positions.map(({ offset }) => offset)).size).toBe(8);
  });

  it('that are short do not fill the stream', async () => {
    const server = await engine();
    const node = await join(server);
    const keep = { size: 5, ttl: 60_000 };
    let last: Position | undefined;
    for (let round = 0; round < 20; round += 1) {
      const appends = Array.from({ length: 100 }, (_, index) => node.log.append(`news ${index % 2}`, bytes(`${round}`), keep));
      [last] = (await Promise.all(appends)).slice(-1);
    }
    const { streams } = await jetstreamManager(await stranger(server));
    await eventually(async () => {
      expect((await streams.info(`primus-${last?.epoch}`)).state.messages).toBeLessThan(1000);
    });
    const read = await node.log.read('news 1', { ...(last as Position), offset: 1 }, 100);
    expect([read.entries.length, read.whole]).toEqual([5, false]);
    const since = read.entries[0]?.at as Position;
    expect(await node.log.read('news 1', since, 100)).toMatchObject({ whole: true, entries: read.entries.slice(1) });
  });

  it('pass over any number of expired entries', async () => {
    const server = await engine();
    const node = await join(server);
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
    const server = await engine();
    const node = await join(server);
    const { epoch } = await node.log.append('news', bytes('a'), KEEP);
    for (let index = 0; index < 20; index += 1) await node.log.read('news', { epoch: 'other', offset: index }, 10);
    const { consumers } = await jetstreamManager(await stranger(server));
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
