import { firstValueFrom } from 'rxjs';
import { expect } from 'vitest';
import { channels, type Recovery } from '../../src/channels.js';
import { type Backplane, type Bus, type Cluster, clustered, memory } from '../../src/cluster.js';
import { startNodes } from '../cluster/nodes.js';
import { event, serve, until } from '../support/serve.js';

/** A cell of the table, and the test that proves it. */
export type Claim = readonly [text: string, test: () => Promise<void>];

export const COLUMNS = ['promise', '`true` means', '`false` means', 'what may be lost', 'how it is reported'] as const;

export type Claims = Record<string, Record<(typeof COLUMNS)[number], Claim>>;

const HISTORY = { size: 2, ttl: 60_000 };

/** A memory whose engine can be away: a node publishes and appends nothing then, and hears nothing. */
function faultyMemory() {
  const inner = memory();
  const state = { isAway: false };
  const backplane: Backplane = {
    name: 'faulty',
    open(context) {
      const bus = inner.open(context);
      const { log } = bus;
      const faulty: Bus = {
        state$: bus.state$,
        message$: bus.message$,
        bufferedAmount: 0,
        listen: (topics) => bus.listen(topics),
        unlisten: (topics) => bus.unlisten(topics),
        publish: (topic, data) => (state.isAway ? context.lost(topic, 1, 'away') : bus.publish(topic, data)),
        close: () => bus.close(),
        ...(log && {
          log: {
            read: (...args) => log.read(...args),
            append: (...args) => (state.isAway ? Promise.reject(new Error('The engine is away')) : log.append(...args)),
          },
        }),
      };
      return faulty;
    },
  };
  return { backplane, state };
}

/** Two nodes with a room and a client of each. */
async function roomOfTwo(backplane?: Backplane) {
  const [one, two] = await startNodes(2, backplane && { backplane });
  const here = await one.connect();
  const there = await (two as typeof one).connect();
  await Promise.all([one.cluster.join(here.spark, 'room'), two?.cluster.join(there.spark, 'room')]);
  return { one, here, there };
}

/** A server with a channel, and a client that subscribes to it. */
async function subscribed(history: typeof HISTORY | false, backplane?: Backplane) {
  const served = await serve({ transformer: 'memory', pingInterval: false });
  const cluster: Cluster = clustered(served.primus, backplane);
  cluster.channels({ name: /^news$/, history });
  const client = served.connect({ reconnect: { min: 10, max: 10, retries: Infinity } });
  const news = channels(client).channel('news');
  const received: unknown[] = [];
  const recoveries: Recovery[] = [];
  news.recovery$.subscribe((recovery) => recoveries.push(recovery));
  news.data$.subscribe((data) => received.push(data));
  await until(() => recoveries.length > 0);
  /** Publishes while the client has no connection. */
  const publishAway = async (...messages: unknown[]) => {
    const away = event(client, 'reconnect scheduled');
    const outcomes = recoveries.length;
    served.primus.forEach((spark) => void spark.end(undefined, { reconnect: true }));
    await away;
    await Promise.all(messages.map((message) => cluster.publish('news', message)));
    await until(() => recoveries.length > outcomes);
  };
  return { cluster, client, news, received, recoveries, publishAway };
}

/** The rows of the table about rooms and channels. */
export const channelClaims: Claims = {
  '`cluster.to({ room }).write`': {
    promise: [
      'to each member, as with `spark.write`; to those of other nodes at most once, in the order of each node',
      async () => {
        const { one, here, there } = await roomOfTwo();
        for (let number = 0; number < 10; number++) one.cluster.to({ room: 'room' }).write(number);
        await until(() => there.received.length === 10);
        expect([here.received, there.received]).toEqual(Array(2).fill([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
      },
    ],
    '`true` means': [
      'encoded, and handed to the framework and the engine',
      async () => {
        const { one, there } = await roomOfTwo();
        expect(one.cluster.to({ room: 'room' }).write('message')).toBe(true);
        await until(() => there.received.length === 1);
      },
    ],
    '`false` means': [
      'it cannot be encoded: a `log` entry says why',
      async () => {
        const { one } = await roomOfTwo();
        const logged = event(one.primus, 'log');
        expect(one.cluster.to({ room: 'room' }).write(1n)).toBe(false);
        expect(await logged).toEqual(['error', expect.any(Error)]);
      },
    ],
    'what may be lost': [
      'as with `spark.write`; what is under way between nodes when the engine is lost',
      async () => {
        const { backplane, state } = faultyMemory();
        const { one, here, there } = await roomOfTwo(backplane);
        state.isAway = true;
        one.cluster.to({ room: 'room' }).write('under way');
        state.isAway = false;
        one.cluster.to({ room: 'room' }).write('later');
        await until(() => there.received.length === 1);
        expect([here.received, there.received]).toEqual([['under way', 'later'], ['later']]);
      },
    ],
    'how it is reported': [
      '`lost$` of the cluster, as far as it is known',
      async () => {
        const { backplane, state } = faultyMemory();
        const { one } = await roomOfTwo(backplane);
        const lost = firstValueFrom(one.cluster.lost$);
        state.isAway = true;
        one.cluster.to({ room: 'room' }).write('under way');
        expect(await lost).toEqual({ topic: 'room:room', count: 1, reason: 'away' });
      },
    ],
  },
  '`cluster.publish`': {
    promise: [
      'to each subscriber, as to the members of a room',
      async () => {
        const { cluster, received } = await subscribed(false);
        for (const number of [1, 2, 3]) await cluster.publish('news', number);
        await until(() => received.length === 3);
        expect(received).toEqual([1, 2, 3]);
      },
    ],
    '`true` means': [
      'it resolves: handed to the framework and the engine',
      async () => {
        const { cluster } = await subscribed(false);
        expect(await cluster.publish('news', 1)).toBeUndefined();
      },
    ],
    '`false` means': [
      'it rejects: it cannot be encoded, or there is no such channel',
      async () => {
        const { cluster } = await subscribed(false);
        await expect(cluster.publish('news', 1n)).rejects.toThrow('BigInt');
        await expect(cluster.publish('other', 1)).rejects.toMatchObject({ code: 'ERR_PRIMUS_CHANNEL' });
      },
    ],
    'what may be lost': [
      'as with a room; what is published while the client is disconnected',
      async () => {
        const { cluster, received, publishAway } = await subscribed(false);
        await publishAway('away');
        await cluster.publish('news', 'later');
        await until(() => received.length === 1);
        expect(received).toEqual(['later']);
      },
    ],
    'how it is reported': [
      '`recovery$` of the channel emits a gap; `lost$`',
      async () => {
        const { recoveries, publishAway } = await subscribed(false);
        await publishAway('away');
        expect(recoveries).toEqual([{ type: 'live' }, { type: 'gap', reason: 'no history' }]);
      },
    ],
  },
  '`cluster.publish`, with a history': {
    promise: [
      'once, in one order for all subscribers, or a gap',
      async () => {
        const { cluster, received, publishAway, recoveries } = await subscribed(HISTORY);
        await cluster.publish('news', 1);
        await until(() => received.length === 1);
        await publishAway(2, 3);
        await cluster.publish('news', 4);
        await until(() => received.length === 4);
        expect(received).toEqual([1, 2, 3, 4]);
        expect(recoveries).toContainEqual({ type: 'recovered', count: 2 });
      },
    ],
    '`true` means': [
      'it resolves: in the history; it arrives, or `recovery$` emits a gap',
      async () => {
        const { cluster, received } = await subscribed(HISTORY);
        expect(await cluster.publish('news', 1)).toEqual({ epoch: expect.any(String), offset: 1 });
        await until(() => received.length === 1);
      },
    ],
    '`false` means': [
      'it rejects: the engine has not taken it, or not confirmed it in time',
      async () => {
        const { backplane, state } = faultyMemory();
        const { cluster } = await subscribed(HISTORY, backplane);
        state.isAway = true;
        await expect(cluster.publish('news', 1)).rejects.toThrow('away');
      },
    ],
    'what may be lost': [
      'after a gap, what the history did not keep',
      async () => {
        const { received, publishAway } = await subscribed(HISTORY);
        await publishAway(1, 2, 3);
        await until(() => received.length === 2);
        expect(received).toEqual([2, 3]);
      },
    ],
    'how it is reported': [
      '`recovery$` of the channel emits a gap',
      async () => {
        const { recoveries, publishAway } = await subscribed(HISTORY);
        await publishAway(1, 2, 3);
        expect(recoveries).toContainEqual({ type: 'gap', reason: 'trimmed' });
      },
    ],
  },
};
