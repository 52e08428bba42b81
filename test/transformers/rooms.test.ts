import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clustered } from '../../src/cluster.js';
import type { Spark } from '../../src/index.js';
import { Audience } from '../../transformers/uws/server/audience.js';
import { UWSLink } from '../../transformers/uws/server/link.js';
import { WebSocketLink } from '../../transformers/websockets/server/link.js';
import { event, serve, until } from '../support/serve.js';

const transformers = ['websockets', 'engine.io', 'sockjs', 'socket.io', 'faye', 'browserchannel', 'uws', 'memory'];

/** A server with clients, and the sparks of those. */
async function start(transformer: string, count: number) {
  const served = await serve({ transformer, pingInterval: false });
  const cluster = clustered(served.primus);
  const members = [];
  for (let number = 0; number < count; number++) {
    const announced = firstValueFrom(served.primus.connection$) as Promise<Spark>;
    const client = served.connect();
    const received: unknown[] = [];
    client.on('data', (data) => received.push(data));
    const [spark] = await Promise.all([announced, event(client, 'open')]);
    members.push({ client, spark, received });
  }
  return { ...served, cluster, members };
}

describe.each(transformers)('a room, over %s', (transformer) => {
  it('keeps the order of what is written to it, to one member and to all', async () => {
    const { cluster, members, primus } = await start(transformer, 4);
    const [outsider, ...insiders] = members;
    for (const { spark } of insiders) void cluster.join(spark, 'lobby');
    const [first] = insiders;
    for (let number = 0; number < 30; number += 3) {
      cluster.to({ room: 'lobby' }).write(number);
      first?.spark.write(number + 1);
      primus.write(number + 2);
    }
    await until(() => members.every(({ received }) => received.includes(29)));
    expect(first?.received).toEqual(Array.from({ length: 30 }, (_, index) => index));
    for (const { received } of insiders.slice(1))
      expect(received).toEqual(Array.from({ length: 30 }, (_, index) => index).filter((index) => index % 3 !== 1));
    expect(outsider?.received).toEqual(Array.from({ length: 10 }, (_, index) => 3 * index + 2));
  });

  it('delivers what was written before a member leaves, and nothing that follows', async () => {
    const { cluster, members } = await start(transformer, 3);
    for (const { spark } of members) void cluster.join(spark, 'lobby');
    const [a, b, c] = members as [(typeof members)[0], (typeof members)[0], (typeof members)[0]];
    cluster.to({ room: 'lobby' }).write('one');
    cluster.leave(a.spark, 'lobby');
    cluster.to({ room: 'lobby' }).write('two');
    cluster.to({ room: 'lobby', except: b.spark.id }).write('three');
    c.client.end();
    await until(() => cluster.members('lobby').length === 1);
    cluster.to({ room: 'lobby' }).write('four');
    cluster.write('last');
    await until(() => a.received.includes('last') && b.received.includes('last'));
    expect(a.received).toEqual(['one', 'last']);
    expect(b.received).toEqual(['one', 'two', 'four', 'last']);
    expect(c.received.slice(0, 3)).toEqual(['one', 'two', 'three'].slice(0, c.received.length));
  });

  it('joins again after it has left', async () => {
    const { cluster, members } = await start(transformer, 2);
    const [a, b] = members as [(typeof members)[0], (typeof members)[0]];
    for (let round = 0; round < 3; round++) {
      void cluster.join(a.spark, 'lobby');
      void cluster.join(b.spark, 'lobby');
      cluster.to({ room: 'lobby' }).write(round);
      cluster.leave(a.spark);
      cluster.to({ room: 'lobby' }).write('without a');
    }
    cluster.write('last');
    await until(() => a.received.includes('last') && b.received.includes('last'));
    expect(a.received).toEqual([0, 1, 2, 'last']);
    expect(b.received).toEqual([0, 'without a', 1, 'without a', 2, 'without a', 'last']);
  });
});

/** A room whose members are all clients but one: a broadcast to all has a path of its own. */
async function lobby(transformer: string, count: number) {
  const { cluster, members } = await start(transformer, count);
  for (const { spark } of members.slice(1)) void cluster.join(spark, 'lobby');
  return {
    write: (data: unknown) => cluster.to({ room: 'lobby' }).write(data),
    received: () => members.reduce((sum, { received }) => sum + received.length, 0),
  };
}

describe('a message to a room', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is encoded and framed once for all of its members, over websockets', async () => {
    const encode = vi.spyOn(JSON, 'stringify');
    const share = vi.spyOn(WebSocketLink.prototype, 'share');
    const { write, received } = await lobby('websockets', 10);
    encode.mockClear();
    for (let number = 0; number < 3; number++) write({ number });
    await until(() => received() === 27);
    expect(encode.mock.calls.filter(([data]) => typeof data?.number === 'number')).toHaveLength(3);
    expect(share).toHaveBeenCalledTimes(27);
    expect(new Set(share.mock.calls.map(([framed]) => framed))).toHaveProperty('size', 3);
  });

  it('is published by the engine of uws, in one call for all of its members', async () => {
    const { write, received } = await lobby('uws', 10);
    const publish = vi.spyOn(Audience.prototype, 'send');
    const sends = vi.spyOn(UWSLink.prototype, 'send');
    for (let number = 0; number < 3; number++) write(number);
    await until(() => received() === 27);
    expect([publish.mock.calls.length, sends.mock.calls.length]).toEqual([3, 0]);
  });
});
