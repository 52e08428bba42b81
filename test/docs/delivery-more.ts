import { expect, onTestFinished } from 'vitest';
import { type Dropped, flow } from '../../src/flow.js';
import type { Spark } from '../../src/index.js';
import { settled, start } from '../requests/requests-world.js';
import { World } from '../support/world.js';
import type { Claims } from './delivery-channels.js';

const KILOBYTE = 'x'.repeat(1_022);

/** Both ends of a connection in virtual time: what the server has received, and what the flow of the client has dropped. */
async function flowing() {
  const world = new World({ latency: 1, server: { pingInterval: false } });
  onTestFinished(() => world.destroy());
  const seen: unknown[] = [];
  const sparks: Spark[] = [];
  world.primus.on('connection', (spark) => {
    sparks.push(spark);
    spark.on('data', (data) => data !== KILOBYTE && seen.push(data));
  });
  const { client } = world.connect({ reconnect: { min: 10, max: 10, retries: Infinity } });
  client.on('error', () => {});
  const stream = flow(client, { highWaterMark: 10_240 });
  const dropped: Dropped<unknown>[] = [];
  stream.dropped$.subscribe((drop) => dropped.push(drop));
  await world.pass(50);
  const inlet = flow(sparks[0] as Spark, { highWaterMark: 10_240 });
  return {
    world,
    client,
    stream,
    seen,
    dropped,
    /** The server stops reading, and the client has more to send than there is room for. */
    block(): void {
      inlet.pause();
      while (!stream.isFull) client.write(KILOBYTE);
    },
    async unblock(): Promise<void> {
      inlet.resume();
      await world.pass(1_000);
    },
    /** Loses the connection, and what is under way. */
    async lose(): Promise<void> {
      world.network.cut();
      await world.pass(100);
    },
  };
}

/** A server that answers after so many ms, what it was asked, and a client that asks. */
async function asking(delay = 0) {
  const { world, server, client, primusClient } = start();
  const asked: unknown[] = [];
  server.handle('double', async (data) => {
    asked.push(data);
    if (data === 'odd') throw new Error('secret');
    await new Promise<void>((resolve) => void world.clock.schedule(() => resolve(), delay));
    return Number(data) * 2;
  });
  await world.pass(50);
  return { world, client: primusClient, asked, ask: (data: unknown) => settled(client.call('double', data)) };
}

/** The claims about messages that may be dropped, and about requests. */
export const moreClaims: Claims = {
  '`volatile` of a flow': {
    promise: [
      'at most once, in order; or dropped at once',
      async () => {
        const { stream, seen, block, unblock } = await flowing();
        stream.volatile(1);
        block();
        stream.volatile(2);
        await unblock();
        stream.volatile(3);
        await unblock();
        expect(seen).toEqual([1, 3]);
      },
    ],
    '`true` means': [
      'handed to the framework',
      async () => {
        const { stream, world } = await flowing();
        expect(stream.volatile('message')).toBe(true);
        expect(world.network.pairs[0]?.up.at(-1)).toBe('"message"');
      },
    ],
    '`false` means': [
      'there is no room, or no connection: `dropped$` says which',
      async () => {
        const { stream, dropped, block, world, client } = await flowing();
        block();
        expect(stream.volatile('full')).toBe(false);
        world.network.cut();
        await world.pass(0);
        expect(stream.volatile('disconnected')).toBe(false);
        client.end();
        expect(stream.volatile('ended')).toBe(false);
        expect(dropped).toEqual([
          { data: 'full', reason: 'full' },
          { data: 'disconnected', reason: 'disconnected' },
          { data: 'ended', reason: 'ended' },
        ]);
      },
    ],
    'what may be lost': [
      'what finds no room, and what is under way when the connection breaks',
      async () => {
        const { stream, seen, dropped, lose, world } = await flowing();
        expect(stream.volatile('under way')).toBe(true);
        await lose();
        stream.volatile('later');
        await world.pass(10);
        expect([seen, dropped]).toEqual([['later'], []]);
      },
    ],
    'how it is reported': [
      '`dropped$` emits what found no room; not what was under way',
      async () => {
        const { stream, dropped, block } = await flowing();
        stream.volatile('under way');
        block();
        stream.volatile('full');
        expect(dropped).toEqual([{ data: 'full', reason: 'full' }]);
      },
    ],
  },
  '`latest` of a flow': {
    promise: [
      'of each key the last one, behind what was written, once there is room',
      async () => {
        const { stream, seen, block, unblock } = await flowing();
        block();
        for (const data of ['a1', 'b1', 'a2']) stream.latest(data[0], data);
        await unblock();
        expect(seen).toEqual(['a2', 'b1']);
      },
    ],
    '`true` means': [
      'sent, or kept until there is room or a later one of its key',
      async () => {
        const { stream, seen, block, unblock } = await flowing();
        expect(stream.latest('a', 'a1')).toBe(true);
        block();
        expect(stream.latest('a', 'a2')).toBe(true);
        await unblock();
        expect(seen).toEqual(['a1', 'a2']);
      },
    ],
    '`false` means': [
      'the client or spark has ended: `dropped$` says so',
      async () => {
        const { stream, client, dropped } = await flowing();
        client.end();
        expect(stream.latest('a', 'a1')).toBe(false);
        expect(dropped).toEqual([{ data: 'a1', key: 'a', reason: 'ended' }]);
      },
    ],
    'what may be lost': [
      'what a later one replaces, and what is under way when the connection breaks',
      async () => {
        const { stream, seen, lose, world } = await flowing();
        stream.latest('a', 'under way');
        await lose();
        world.network.cut();
        stream.latest('a', 'replaced');
        stream.latest('a', 'later');
        await world.pass(100);
        expect(seen).toEqual(['later']);
      },
    ],
    'how it is reported': [
      '`dropped$` emits what was replaced; not what was under way',
      async () => {
        const { stream, dropped, block } = await flowing();
        stream.latest('a', 'under way');
        block();
        stream.latest('a', 'a1');
        stream.latest('a', 'a2');
        expect(dropped).toEqual([{ data: 'a1', key: 'a', reason: 'replaced' }]);
      },
    ],
  },
  '`call` and `request`': {
    promise: [
      'asked once at most; an answer, or an error',
      async () => {
        const { world, ask, asked } = await asking(10);
        const [one, odd] = [ask(1), ask('odd')];
        await world.pass(100);
        expect([one, odd, asked]).toEqual([[2], ['ERR_PRIMUS_HANDLER'], [1, 'odd']]);
      },
    ],
    '`true` means': [
      'it resolves: the handler has answered',
      async () => {
        const { world, ask, asked } = await asking();
        const found = ask(1);
        expect(asked).toEqual([]);
        await world.pass(10);
        expect([found, asked]).toEqual([[2], [1]]);
      },
    ],
    '`false` means': [
      'it rejects: the code says why, and whether it may have been handled',
      async () => {
        const { world, client, ask, asked } = await asking(1_000);
        const lost = ask('handled');
        await world.pass(100);
        world.network.cut();
        await world.pass(100);
        client.end();
        const late = ask('not sent');
        await world.pass(100);
        expect([lost, late]).toEqual([['ERR_PRIMUS_DROPPED'], ['ERR_PRIMUS_CLOSED']]);
        expect(asked).toEqual(['handled']);
      },
    ],
    'what may be lost': [
      'the answer, when the connection breaks before it',
      async () => {
        const { world, ask, asked } = await asking(1_000);
        const found = ask(1);
        await world.pass(100);
        world.network.cut();
        await world.pass(10_000);
        expect([found, asked]).toEqual([['ERR_PRIMUS_DROPPED'], [1]]);
      },
    ],
    'how it is reported': [
      'it fails with `ERR_PRIMUS_DROPPED`, at once',
      async () => {
        const { world, ask } = await asking(1_000);
        const found = ask(1);
        await world.pass(100);
        world.network.cut();
        await world.pass(1);
        expect(found).toEqual(['ERR_PRIMUS_DROPPED']);
      },
    ],
  },
};
