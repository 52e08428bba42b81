import { interval, map, take, toArray } from 'rxjs';
import { expect } from 'vitest';
import type { ClientOptions, ServerOptions, Spark } from '../../src/index.js';
import { RequestError, requests } from '../../src/request.js';
import { event, type Served, until } from '../support/serve.js';

/** Adds the rules of requests that every transformer keeps. */
export function requestRules(
  start: (options?: ServerOptions) => Promise<Served>,
  rule: (title: string, test: () => Promise<void>) => void,
): void {
  async function begin(options: ServerOptions = {}, more: ClientOptions = {}) {
    const served = await start(options);
    const server = requests(served.primus);
    const announced = event(served.primus, 'connection');
    const primusClient = served.connect({ reconnect: { min: 10, max: 50 }, ...more });
    const client = requests(primusClient);
    const [spark] = (await announced) as [Spark];
    if (primusClient.readyState !== 3) await event(primusClient, 'open');
    return { ...served, server, client, primusClient, spark };
  }

  rule('answers requests in both directions, with values, streams and errors', async () => {
    const { server, client, spark } = await begin();
    server.handle('add', ([a, b]: [number, number]) => a + b);
    server.handle('count', (to: number) => interval(1).pipe(take(to)));
    server.handle('rows', async function* (to: number) {
      for (let row = 0; row < to; row++) yield { row };
    });
    server.handle('reject', () => {
      throw new RequestError('not found', 'There is no such thing', [1]);
    });
    client.handle('name', async () => 'ada');
    const sums = await Promise.all(Array.from({ length: 50 }, (_, n) => client.call<number>('add', [n, n])));
    expect(sums).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n));
    expect(await server.call(spark, 'name')).toBe('ada');
    const counted = new Promise((resolve) => client.request('count', 5).pipe(toArray()).subscribe(resolve));
    expect(await counted).toEqual([0, 1, 2, 3, 4]);
    const rows: unknown[] = [];
    for await (const row of client.request('rows', 300)) rows.push(row);
    expect(rows).toEqual(Array.from({ length: 300 }, (_, row) => ({ row })));
    await expect(client.call('reject')).rejects.toMatchObject({ code: 'ERR_PRIMUS_REQUEST', reason: 'not found', data: [1] });
    await expect(client.call('nothing')).rejects.toMatchObject({ code: 'ERR_PRIMUS_NO_HANDLER' });
  });

  rule('fails requests whose connection is lost, and stops those that are cancelled', async () => {
    const { server, client, spark } = await begin();
    let running = 0;
    const never = (_data: unknown, { signal }: { signal: AbortSignal }) => {
      running += 1;
      signal.addEventListener('abort', () => (running -= 1));
      return new Promise(() => {});
    };
    server.handle('never', never);
    client.handle('never', never);
    const subscription = client.request('never').subscribe();
    await until(() => running === 1);
    subscription.unsubscribe();
    await until(() => running === 0);
    const lost = [client.call('never'), server.call(spark, 'never')].map((answer) => answer.catch(({ code }) => code));
    await until(() => running === 2);
    spark.end(undefined, { reconnect: true });
    expect(await Promise.all(lost)).toEqual(['ERR_PRIMUS_DROPPED', 'ERR_PRIMUS_DROPPED']);
    await until(() => running === 0);
    server.handle('add', () => 1);
    expect(await client.call('add')).toBe(1);
  });

  rule('goes on with requests when a session is resumed', async () => {
    const { server, client, spark, primusClient } = await begin({ resume: true }, { resume: true });
    let answer = (_value: string) => {};
    server.handle('later', () => new Promise<string>((resolve) => (answer = resolve)));
    server.handle('ticks', () =>
      interval(5).pipe(
        take(30),
        map((n) => n * n),
      ),
    );
    const later = client.call('later');
    const ticks = new Promise((resolve) => client.request('ticks').pipe(toArray()).subscribe(resolve));
    const resumed = new Promise((resolve) => primusClient.resume$.subscribe(resolve));
    // Both are under way.
    await client.call('nothing').catch(() => {});
    spark.connection.link?.destroy();
    expect(await resumed).toMatchObject({ type: 'resumed' });
    answer('late');
    expect(await later).toBe('late');
    expect(await ticks).toEqual(Array.from({ length: 30 }, (_, n) => n * n));
  });
}
