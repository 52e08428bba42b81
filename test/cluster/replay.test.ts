import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Recovery } from '../../client/channel.js';
import { channels } from '../../client/channels.js';
import { clustered } from '../../src/cluster.js';
import type { Spark } from '../../src/index.js';
import { roundTrips, serve, until } from '../support/serve.js';

const transformers = ['websockets', 'engine.io', 'sockjs', 'socket.io', 'faye', 'browserchannel', 'uws'];
const SIZE = 400;
const text = 'x'.repeat(10_000);

/** A server that lets few bytes wait, and a channel whose history has many more. */
async function start(transformer: string, presence = false) {
  const served = await serve({ transformer, pingInterval: false, maxBuffer: 65_536 });
  const cluster = clustered(served.primus);
  cluster.channels({ name: /^log$/, history: { size: SIZE + 10, ttl: '1 hour' }, presence });
  const publish = async (from: number, to: number) => {
    for (let number = from; number < to; number++) await cluster.publish('log', [number, text]);
  };
  await publish(0, SIZE);
  return { ...served, cluster, publish };
}

describe.each(transformers)('a history that is longer than may be written at once, over %s', (transformer) => {
  it('is sent as fast as the client reads, and then what was published meanwhile', async () => {
    const { primus, cluster, publish, connect } = await start(transformer, true);
    const ended: unknown[] = [];
    primus.on('disconnection', (spark) => ended.push(spark.id));
    const connected = firstValueFrom(primus.connection$) as Promise<Spark>;
    const client = connect();
    const log = channels(client).channel<[number, string]>('log');
    const recoveries: Recovery[] = [];
    log.recovery$.subscribe((recovery) => recoveries.push(recovery));
    const numbers: number[] = [];
    log.data$.subscribe(([number]) => numbers.push(number));
    await connected;
    await until(() => numbers.length > 0);
    await publish(SIZE, SIZE + 10);
    await until(() => numbers.length >= SIZE + 10);
    expect(numbers).toEqual(Array.from({ length: SIZE + 10 }, (_, number) => number));
    expect(recoveries).toEqual([{ type: 'live' }]);
    expect(ended).toEqual([]);
    expect((await firstValueFrom(cluster.presence('log'))).size).toBe(1);
  });
});

describe('a slow consumer that has asked for a history', () => {
  it('makes the server keep no more than may wait for it, and leaves nothing behind', async () => {
    const { primus, cluster, url } = await start('websockets', true);
    const connected = firstValueFrom(primus.connection$) as Promise<Spark>;
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus`);
    socket.on('error', () => {});
    const [spark] = await Promise.all([connected, new Promise<void>((resolve) => socket.on('open', () => resolve()))]);
    socket.pause();
    let written = 0;
    spark.on('outgoing::data', (frame) => {
      written += frame.length;
    });
    for (let count = 0; count < 50; count++) socket.send(JSON.stringify(['primus::subscribe', 'log', null]));
    socket.send(JSON.stringify('behind it'));
    await until(() => spark.connection.crowded);
    await roundTrips(url);
    // The system takes some of the 200 MB, too.
    expect(written).toBeLessThan(40_000_000);
    expect(spark.connection.link?.bufferedAmount).toBeLessThan(65_536);
    const left = new Promise<void>((resolve) => spark.on('end', () => resolve()));
    socket.terminate();
    await left;
    await until(() => primus.connected === 0);
    expect((await firstValueFrom(cluster.presence('log'))).size).toBe(0);
  });
});
