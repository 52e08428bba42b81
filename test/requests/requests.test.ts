import {
  EMPTY,
  finalize,
  firstValueFrom,
  from,
  interval,
  map,
  NEVER,
  Observable,
  of,
  Subject,
  switchMap,
  take,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { resumable } from '../../client/resume.js';
import { channels } from '../../src/channels.js';
import { clustered } from '../../src/cluster.js';
import { LinkError, Primus, PrimusError } from '../../src/index.js';
import { RequestError, requests } from '../../src/request.js';
import { World } from '../support/world.js';
import { framesOf, record, settled, start } from './requests-world.js';

describe('requests()', () => {
  it('returns the same object for a server and for a client', () => {
    const { world, server, client, primusClient } = start();
    expect(requests(world.primus)).toBe(server);
    expect(requests(primusClient)).toBe(client);
  });

  it('adds nothing to the ends but a message transformer, the first one', async () => {
    const { world, peer, client, server } = start();
    await world.pass(5);
    const other = world.connect();
    await world.pass(5);
    const spark = world.findSpark(peer);
    const names = [world.primus, world.findSpark(other), other.client].map((end) => Reflect.ownKeys(end as object));
    requests(other.client)
      .call('add')
      .catch(() => {});
    server.handle('add', () => 1);
    const answer = settled(client.call('add', 1));
    await world.pass(5);
    expect(answer).toEqual([1]);
    expect([world.primus, world.findSpark(other), other.client].map((end) => Reflect.ownKeys(end as object))).toEqual(names);
    expect(spark?.primus.transformers.incoming).toHaveLength(1);
    expect([other.client.transformers.incoming.length, other.client.transformers.outgoing.length]).toEqual([1, 0]);
  });

  it.each([undefined, null, 1, {}, 'x'])('rejects %j, which is no end of this package', (end) => {
    expect(() => requests(end as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it.each([
    { timeout: 'soon' },
    { concurrency: 0 },
    { maxRequests: -1 },
    { bufferSize: 1.5 },
    { queueSize: '1' },
    { maxRequest: 1 },
    { contract: 1 },
    null,
    [],
  ])('rejects the options %j', (options) => {
    const { world } = start();
    const other = world.connect();
    expect(() => requests(other.client, options as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it.each([
    ['a name', (call: (...args: unknown[]) => unknown) => call(1)],
    ['an empty name', (call: (...args: unknown[]) => unknown) => call('')],
    ['a long name', (call: (...args: unknown[]) => unknown) => call('x'.repeat(513))],
    ['options', (call: (...args: unknown[]) => unknown) => call('add', 1, 5)],
    ['a time-out', (call: (...args: unknown[]) => unknown) => call('add', 1, { timeout: 'soon' })],
    ['a signal', (call: (...args: unknown[]) => unknown) => call('add', 1, { signal: 'stop' })],
  ])('rejects a request with %s that is invalid, before it is sent', (_what, make) => {
    const { client } = start();
    const wrong = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    expect(() => make(client.request as never)).toThrow(wrong);
    expect(() => make(client.call as never)).toThrow(wrong);
  });

  it('rejects a handler that is none, and a second one of a name', () => {
    const { server } = start();
    const wrong = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    expect(() => server.handle('add', 1 as never)).toThrow(wrong);
    const handling = server.handle('add', () => 1);
    expect(() => server.handle('add', () => 2)).toThrow(wrong);
    handling.unsubscribe();
    server.handle('add', () => 3);
    handling.unsubscribe();
    expect(() => server.handle('add', () => 4)).toThrow(wrong);
  });

  it('rejects a spark of another server, and what is none', async () => {
    const { world, server, spark } = start();
    const other = start();
    await Promise.all([world.pass(5), other.world.pass(5)]);
    for (const wrong of [other.spark(), null, undefined, {}])
      expect(() => server.request(wrong as never, 'x')).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    expect(() => server.request(spark(), 'x')).not.toThrow();
  });
});

describe('a request', () => {
  it('is answered with a value, in one message each way', async () => {
    const started = start();
    const { world, server, client } = started;
    server.handle('add', ([a, b]: [number, number]) => a + b);
    const { log } = record(client.request<number>('add', [1, 2]));
    await world.pass(5);
    expect(log).toEqual([3, 'done']);
    expect(framesOf(started)).toEqual({ up: ['primus::request'], down: ['primus::request::ready', 'primus::request::done'] });
  });

  it('is answered with a promise, and resolves `call`', async () => {
    const { world, server, client } = start();
    server.handle('later', (ms: number) => firstValueFrom(timer(ms, world.clock)).then(() => `after ${ms}`));
    const answers = settled(Promise.all([client.call('later', 20), client.call('later', 10)]));
    await world.pass(50);
    expect(answers).toEqual([['after 20', 'after 10']]);
  });

  it('goes from the server to a client as well', async () => {
    const { world, server, client, spark } = start();
    client.handle('confirm', (question: string) => question === 'Delete?');
    await world.pass(5);
    const answer = settled(server.call(spark(), 'confirm', 'Delete?'));
    await world.pass(5);
    expect(answer).toEqual([true]);
  });

  it('may be made by a `connection` listener', async () => {
    const { world, server, client } = start();
    client.handle('who', () => 'ada');
    const answers: unknown[] = [];
    world.primus.on('connection', (spark) => server.request(spark, 'who').subscribe((who) => answers.push(who)));
    await world.pass(10);
    expect(answers).toEqual(['ada']);
  });

  it('is cold: made for each subscriber, and not before', async () => {
    const { world, server, client } = start();
    const handled = vi.fn((n: number) => n);
    server.handle('echo', handled);
    const answer$ = client.request('echo', 1);
    await world.pass(5);
    expect(handled).not.toHaveBeenCalled();
    record(answer$);
    record(answer$);
    await world.pass(5);
    expect(handled).toHaveBeenCalledTimes(2);
  });

  it('may be awaited, which makes it each time', async () => {
    const { world, server, client } = start();
    const handled = vi.fn((n: number) => n + 1);
    server.handle('next', handled);
    const answer$ = client.request<number>('next', 1);
    expect(answer$).toBeInstanceOf(Observable);
    await world.pass(5);
    expect(handled).not.toHaveBeenCalled();
    const ask = async () => [await answer$, await answer$];
    const answers = settled(ask());
    const returned = settled((async () => client.request('next', 2))());
    await world.pass(20);
    expect([answers, returned]).toEqual([[[2, 2]], [3]]);
    expect(handled).toHaveBeenCalledTimes(3);
  });

  it('that is awaited is its first value, and `undefined` without one; the rest is cancelled', async () => {
    const { world, server, client } = start();
    let isOver = false;
    server.handle('ticks', () => interval(1, world.clock).pipe(finalize(() => (isOver = true))));
    server.handle('nothing', () => undefined);
    const answers = settled(Promise.all([client.request('ticks'), client.request('nothing')]));
    await world.pass(10);
    expect(answers).toEqual([[0, undefined]]);
    expect(isOver).toBe(true);
  });

  it('that is awaited rejects as `call` does', async () => {
    const { world, server, client } = start();
    server.handle('fails', () => {
      throw new RequestError('not found', 'There is no such user');
    });
    server.handle('waits', () => NEVER);
    const ask = async (name: string) => await client.request(name, 1, { timeout: 5 });
    const outcomes = ['fails', 'missing', 'waits'].map((name) => [settled(ask(name)), settled(client.call(name, 1, { timeout: 5 }))]);
    await world.pass(20);
    for (const [awaited, called] of outcomes) {
      expect(awaited).toEqual([expect.stringMatching(/^ERR_PRIMUS_/)]);
      expect(awaited).toEqual(called);
    }
  });

  it('is passed on value by value by a handler that returns it', async () => {
    const { world, server, client } = start();
    client.handle('count', () => of(1, 2, 3));
    server.handle('ask', (_data, { spark }) => server.request(spark, 'count'));
    await world.pass(5);
    const { log } = record(client.request('ask'));
    await world.pass(20);
    expect(log).toEqual([1, 2, 3, 'done']);
  });

  it('answers `undefined` with no value, and every other value as it is', async () => {
    const { world, server, client } = start();
    server.handle('echo', ({ value }: { value?: unknown }) => value);
    const logs = [undefined, null, 0, '', false, [], [1, [2]], { a: 1 }].map((value) => record(client.request('echo', { value })).log);
    const called = settled(client.call('echo', {}));
    await world.pass(5);
    expect(logs).toEqual([
      ['done'],
      [null, 'done'],
      [0, 'done'],
      ['', 'done'],
      [false, 'done'],
      [[], 'done'],
      [[1, [2]], 'done'],
      [{ a: 1 }, 'done'],
    ]);
    expect(called).toEqual([undefined]);
  });

  it('gives its handler the spark and a signal', async () => {
    const { world, server, client, spark } = start();
    const contexts: unknown[] = [];
    server.handle('who', (_data, { spark, signal }) => {
      contexts.push(spark, signal.aborted);
      return spark.id;
    });
    const answer = settled(client.call('who'));
    await world.pass(5);
    expect(answer).toEqual([spark().id]);
    expect(contexts).toEqual([spark(), false]);
  });

  it('passes no message transformer, and is no message of the application', async () => {
    const { world, server, client, primusClient } = start();
    const seen: unknown[] = [];
    for (const end of [world.primus, primusClient])
      for (const direction of ['incoming', 'outgoing'] as const) end.transform(direction, ({ data }) => void seen.push(data));
    world.primus.on('connection', (spark) => spark.on('data', (data) => seen.push(data)));
    primusClient.on('data', (data) => seen.push(data));
    server.handle('add', () => 1);
    const answer = settled(client.call('add'));
    await world.pass(5);
    expect(answer).toEqual([1]);
    expect(seen).toEqual([]);
  });

  it('lives beside channels, whichever comes first', async () => {
    for (const isFirst of [true, false]) {
      const { world, server, client, primusClient } = start();
      const other = isFirst ? channels(primusClient) : undefined;
      const cluster = clustered(world.primus);
      cluster.channels({ name: /^news$/ });
      const news: unknown[] = [];
      (other ?? channels(primusClient)).channel('news').data$.subscribe((data) => news.push(data));
      server.handle('add', () => 1);
      client.handle('add', () => 2);
      await world.pass(10);
      const answers = [settled(client.call('add')), settled(server.call(Object.values(world.primus.connections)[0] as never, 'add'))];
      void cluster.publish('news', 'hello');
      await world.pass(10);
      expect(answers).toEqual([[1], [2]]);
      expect(news).toEqual(['hello']);
    }
  });

  it('cannot be written by an application of the server', async () => {
    const { world, spark, logged } = start();
    await world.pass(5);
    expect(spark().write(['primus::request', 1, 'x', 1, 1])).toBe(false);
    world.primus.write(['primus::request', 1, 'x', 1, 1]);
    expect(logged.map((error) => (error as PrimusError).code)).toEqual(['ERR_PRIMUS_RESERVED', 'ERR_PRIMUS_RESERVED']);
  });
});

describe('a stream as an answer', () => {
  it.each([
    ['an Observable', () => of(1, 2, 3)],
    ['a promise of an Observable', async () => of(1, 2, 3)],
    [
      'an async generator',
      async function* () {
        yield* [1, 2, 3];
      },
    ],
  ])('of %s arrives value by value', async (_what, handler: () => unknown) => {
    const { world, server, client } = start();
    server.handle('count', handler);
    const { log } = record(client.request('count'));
    const first = settled(client.call('count'));
    await world.pass(10);
    expect(log).toEqual([1, 2, 3, 'done']);
    expect(first).toEqual([1]);
  });

  it('of many values arrives in whole and in order', async () => {
    const { world, server, client } = start();
    server.handle('observable', () => from(Array.from({ length: 1_000 }, (_, index) => index)));
    server.handle('iterable', async function* () {
      for (let index = 0; index < 1_000; index++) yield index;
    });
    const all = Array.from({ length: 1_000 }, (_, index) => index);
    const logs = ['observable', 'iterable'].map((name) => record(client.request(name).pipe(toArray())).log);
    await world.pass(500);
    expect(logs).toEqual([
      [all, 'done'],
      [all, 'done'],
    ]);
  });

  it('may be empty', async () => {
    const { world, server, client } = start();
    server.handle('empty', () => EMPTY);
    const { log } = record(client.request('empty'));
    const called = settled(client.call('empty'));
    await world.pass(5);
    expect([log, called]).toEqual([['done'], [undefined]]);
  });

  it('is unsubscribed at the peer when its subscriber leaves', async () => {
    const { world, server, client } = start();
    const left = vi.fn();
    server.handle(
      'ticks',
      () =>
        new Observable((subscriber) => {
          subscriber.add(interval(10, world.clock).subscribe(subscriber));
          subscriber.add(left);
        }),
    );
    const { log } = record(client.request('ticks').pipe(take(2)));
    await world.pass(50);
    expect(log).toEqual([0, 1, 'done']);
    expect(left).toHaveBeenCalledTimes(1);
  });

  it('returns an async generator when its subscriber leaves', async () => {
    const { world, server, client } = start();
    const returned = vi.fn();
    server.handle('ticks', async function* () {
      try {
        for (let index = 0; ; index++) {
          yield index;
          await firstValueFrom(timer(10, world.clock));
        }
      } finally {
        returned();
      }
    });
    const { log } = record(client.request('ticks').pipe(take(2)));
    await world.pass(50);
    expect(log).toEqual([0, 1, 'done']);
    expect(returned).toHaveBeenCalledTimes(1);
  });

  it('may have a switchMap around it: only the latest request goes on', async () => {
    const { world, server, client } = start();
    const aborted: unknown[] = [];
    server.handle('search', (text: string, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(text));
      return firstValueFrom(timer(10, world.clock).pipe(map(() => `found ${text}`)));
    });
    const text$ = new Subject<string>();
    const { log } = record(text$.pipe(switchMap((text) => client.request('search', text))));
    await world.pass(5);
    for (const text of ['a', 'ab', 'abc']) {
      text$.next(text);
      await world.pass(3);
    }
    await world.pass(20);
    expect(log).toEqual(['found abc']);
    expect(aborted).toEqual(['a', 'ab']);
  });

  it('slows an async generator down when the loop is slow', async () => {
    const { world, server, client } = start();
    let made = 0;
    const returned = vi.fn();
    server.handle('rows', async function* () {
      try {
        for (; made < 10_000; made++) yield made;
      } finally {
        returned();
      }
    });
    const taken: number[] = [];
    const loop = async () => {
      for await (const row of client.request<number>('rows')) {
        taken.push(row);
        // What is under way, and what waits for the loop.
        expect(made - row).toBeLessThanOrEqual(64 + 32);
        await firstValueFrom(timer(1, world.clock));
        if (row === 999) break;
      }
    };
    const looped = settled(loop());
    await world.pass(2_000);
    expect(looped).toEqual([undefined]);
    expect(taken).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    expect(returned).toHaveBeenCalledTimes(1);
  });

  it('that is pushed faster than it is read fails, and is stopped', async () => {
    const { world, server, client } = start({ onServer: { bufferSize: 100 } });
    const left = vi.fn();
    server.handle(
      'ticks',
      () =>
        new Observable((subscriber) => {
          subscriber.add(interval(1, world.clock).subscribe(subscriber));
          subscriber.add(left);
        }),
    );
    const ticks = client.request<number>('ticks')[Symbol.asyncIterator]();
    await Promise.all([ticks.next(), world.pass(400)]);
    expect(left).toHaveBeenCalledTimes(1);
    const rest = settled(
      (async () => {
        for (;;) if ((await ticks.next()).done) return;
      })(),
    );
    await world.pass(10);
    expect(rest).toEqual(['ERR_PRIMUS_SLOW_PEER']);
  });
});

describe('a request that fails', () => {
  it('is made to a server without requests', async () => {
    for (const session of [false, true]) {
      const world = new World({ latency: 1, server: { pingInterval: false, resume: session } });
      onTestFinished(() => world.destroy());
      const received: unknown[] = [];
      world.primus.on('connection', (spark) => spark.on('data', (data) => received.push(data)));
      const { client } = world.connect({ reconnect: { min: 20, max: 20 }, resume: session }, session ? { session: resumable } : {});
      const { call } = requests(client, { timeout: Infinity });
      client.id(() => {});
      const first = settled(call('add', 1));
      await world.pass(30);
      expect([first, received.length]).toEqual([['ERR_PRIMUS_NO_HANDLER'], 1]);
      const second = settled(call('add', 2));
      await world.pass(5);
      expect([second, received.length]).toEqual([['ERR_PRIMUS_NO_HANDLER'], 1]);
      requests(world.primus).handle('add', (n: number) => n + 1);
      world.findSpark(world.peers[0] as never)?.end(undefined, { reconnect: true });
      await world.pass(50);
      const third = settled(call('add', 3));
      await world.pass(5);
      expect(third).toEqual([4]);
    }
  });

  it('has no handler', async () => {
    const { world, client } = start();
    const answers = ['nothing', '__proto__', 'constructor'].map((name) => settled(client.call(name)));
    await world.pass(5);
    expect(answers).toEqual([['ERR_PRIMUS_NO_HANDLER'], ['ERR_PRIMUS_NO_HANDLER'], ['ERR_PRIMUS_NO_HANDLER']]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('The password is 1234');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('The password is 1234');
      },
    ],
    ['answers with an Observable that errors', () => throwError(() => new Error('The password is 1234'))],
    [
      'answers with a generator that throws',
      async function* () {
        yield* [];
        throw new Error('The password is 1234');
      },
    ],
    [
      'throws an error of this package',
      () => {
        throw new PrimusError('ERR_PRIMUS_NO_HANDLER', 'The password is 1234', { data: 1234 });
      },
    ],
    [
      'throws no error',
      () => {
        throw 'The password is 1234';
      },
    ],
  ])('because its handler %s says nothing of it to the peer, and everything to its own end', async (_what, handler: () => unknown) => {
    const started = start();
    const { world, server, client, spark } = started;
    server.handle('fail', handler);
    await world.pass(5);
    const errors: Error[] = [];
    spark().on('error', (error) => errors.push(error));
    const answer = settled(client.call('fail'));
    await world.pass(5);
    expect(answer).toEqual(['ERR_PRIMUS_HANDLER']);
    expect(world.network.pairs.flatMap(({ down }) => down).join()).not.toContain('1234');
    expect(errors.map(({ message }) => message)).toEqual(['The password is 1234']);
    expect(spark().readyState).toBe(3);
  });

  it('passes on what was meant for the peer', async () => {
    const { world, server, client } = start();
    server.handle('user', (id: number) => {
      throw new RequestError('not found', `There is no user ${id}`, { id });
    });
    server.handle('short', () => Promise.reject(new RequestError('not allowed')));
    const errors: unknown[] = [];
    client.call('user', 7).catch((error) => errors.push(error));
    client.call('short').catch((error) => errors.push(error));
    await world.pass(5);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'ERR_PRIMUS_REQUEST', reason: 'not found', message: 'There is no user 7', data: { id: 7 } }),
      expect.objectContaining({ code: 'ERR_PRIMUS_REQUEST', reason: 'not allowed', message: 'not allowed' }),
    ]);
    expect(errors.every((error) => error instanceof RequestError && error instanceof PrimusError)).toBe(true);
  });

  it('does not pass on what another peer has said', async () => {
    const { world, server, client } = start();
    const other = world.connect();
    requests(other.client).handle('secret', () => {
      throw new RequestError('the password', '1234');
    });
    server.handle('ask the other', () => server.call(world.findSpark(other) as never, 'secret'));
    await world.pass(5);
    const answer = settled(client.call('ask the other'));
    await world.pass(10);
    expect(answer).toEqual(['ERR_PRIMUS_HANDLER']);
  });

  it('is not answered in time', async () => {
    const { world, server, client, primusClient } = start({ onClient: { timeout: '100 ms' } });
    const aborted: string[] = [];
    server.handle('never', (name: string, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(name));
      return new Promise(() => {});
    });
    await world.pass(5);
    const answers = [settled(client.call('never', 'a')), settled(client.call('never', 'b', { timeout: 50 }))];
    await world.pass(60);
    expect([answers, aborted]).toEqual([[[], ['ERR_PRIMUS_TIMEOUT']], ['b']]);
    await world.pass(60);
    expect([answers, aborted]).toEqual([
      [['ERR_PRIMUS_TIMEOUT'], ['ERR_PRIMUS_TIMEOUT']],
      ['b', 'a'],
    ]);
    expect(primusClient.readyState).toBe(3);
  });

  it('has the time-out of its first value: a stream may go on', async () => {
    const { world, server, client } = start();
    server.handle('ticks', () => interval(40, world.clock));
    const { log } = record(client.request('ticks', null, { timeout: 50 }).pipe(take(3)));
    await world.pass(200);
    expect(log).toEqual([0, 1, 2, 'done']);
  });

  it('waits for ever if it may', async () => {
    const { world, server, client } = start();
    server.handle('never', () => NEVER);
    const { log } = record(client.request('never', null, { timeout: Infinity }));
    await world.pass(1e9);
    expect(log).toEqual([]);
  });

  it('is aborted by a signal, with its reason', async () => {
    const { world, server, client } = start();
    const aborted = vi.fn();
    server.handle('never', (_data, { signal }) => {
      signal.addEventListener('abort', aborted);
      return NEVER;
    });
    await world.pass(5);
    const controller = new AbortController();
    const { signal } = controller;
    const answer = settled(client.call('never', null, { signal }));
    await world.pass(5);
    controller.abort('enough');
    const late = settled(client.call('never', null, { signal }));
    await world.pass(5);
    expect([answer, late]).toEqual([['enough'], ['enough']]);
    expect(aborted).toHaveBeenCalledTimes(1);
  });

  it('cannot be encoded', async () => {
    const { world, server, client, errors } = start();
    const circle: unknown[] = [];
    circle.push(circle);
    server.handle('circle', () => circle);
    server.handle('circles', () => of(1, circle, 2));
    server.handle('reject', () => {
      throw new RequestError('x', 'y', circle);
    });
    await world.pass(5);
    const answers = [client.call('add', circle), client.call('circle'), client.call('reject')].map(settled);
    const { log } = record(client.request('circles'));
    await world.pass(5);
    expect(answers).toEqual([['ERR_PRIMUS_ENCODE'], ['ERR_PRIMUS_HANDLER'], ['ERR_PRIMUS_HANDLER']]);
    expect(log).toEqual([1, 'ERR_PRIMUS_HANDLER']);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_PRIMUS_ENCODE']);
  });

  it('without an error handler ends nothing', async () => {
    const { world, client, errors, primusClient } = start();
    client.request('nothing').subscribe();
    await world.pass(5);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_PRIMUS_NO_HANDLER']);
    expect(primusClient.readyState).toBe(3);
  });
});

describe('a connection that is lost', () => {
  it('fails the requests under way at once, and aborts their handlers, on both ends', async () => {
    const { world, server, client, spark } = start();
    const aborted: string[] = [];
    const never = (name: string, { signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => aborted.push(name));
      return new Promise(() => {});
    };
    server.handle('never', never);
    client.handle('never', never);
    await world.pass(5);
    const up = settled(client.call('never', 'up'));
    const down = settled(server.call(spark(), 'never', 'down'));
    await world.pass(5);
    world.network.cut();
    await world.pass(1);
    expect([up, down]).toEqual([['ERR_PRIMUS_DROPPED'], ['ERR_PRIMUS_DROPPED']]);
    expect(aborted.sort()).toEqual(['down', 'up']);
  });

  it('lets requests wait that were not sent', async () => {
    const { world, server, client, primusClient } = start();
    server.handle('add', () => 1);
    const early = settled(client.call('add'));
    await world.pass(5);
    world.network.cut();
    await world.pass(2);
    expect(primusClient.state.name).toBe('waiting');
    const waiting = settled(client.call('add'));
    const given = record(client.request('add'));
    given.subscription.unsubscribe();
    await world.pass(50);
    expect([early, waiting, given.log]).toEqual([[1], [1], []]);
  });

  it('sends them behind what the listeners of `open` write, and what was queued before', async () => {
    const { world, client, primusClient } = start();
    const received: unknown[] = [];
    world.primus.transform('incoming', ({ data }) => void received.push(data));
    primusClient.on('open', () => primusClient.write('login'));
    primusClient.write('queued');
    client.call('add').catch(() => {});
    await world.pass(5);
    expect(world.network.pairs[0]?.up.slice(0, 3).map((frame) => frame.slice(0, 18))).toEqual([
      '"login"',
      '"queued"',
      '["primus::request"',
    ]);
    expect(received).toEqual(['login', 'queued']);
  });

  it('fails those that wait when the client ends, and those that come later, until it is opened again', async () => {
    const { world, server, client, primusClient } = start();
    server.handle('add', () => 1);
    world.network.down = true;
    const waiting = settled(client.call('add'));
    await world.pass(30);
    primusClient.end();
    const late = settled(client.call('add'));
    await world.pass(5);
    expect([waiting, late]).toEqual([['ERR_PRIMUS_CLOSED'], ['ERR_PRIMUS_CLOSED']]);
    world.network.down = false;
    primusClient.open();
    const again = settled(client.call('add'));
    await world.pass(5);
    expect(again).toEqual([1]);
    primusClient.destroy();
    const destroyed = settled(client.call('add'));
    await world.pass(5);
    expect(destroyed).toEqual(['ERR_PRIMUS_CLOSED']);
  });

  it('waits for `open()` of a client that connects by hand', async () => {
    const { world, server, client, primusClient } = start({ client: { manual: true } });
    server.handle('add', () => 1);
    const answer = settled(client.call('add'));
    await world.pass(100);
    expect(answer).toEqual([]);
    primusClient.open();
    await world.pass(5);
    expect(answer).toEqual([1]);
  });

  it('fails the requests to a spark that has ended', async () => {
    const { world, server, client, spark } = start();
    client.handle('never', () => NEVER);
    await world.pass(5);
    const ended = spark();
    const before = settled(server.call(ended, 'never'));
    await world.pass(5);
    ended.end();
    await world.pass(5);
    const after = settled(server.call(ended, 'never'));
    await world.pass(5);
    expect([before, after]).toEqual([['ERR_PRIMUS_DROPPED'], ['ERR_PRIMUS_CLOSED']]);
  });

  it('leaves no timers behind', async () => {
    const { world, server, client } = start({ onClient: { timeout: '1 hour' } });
    server.handle('add', () => 1);
    server.handle('never', () => NEVER);
    await world.pass(5);
    const pending = world.clock.pending;
    const answers = [client.call('add'), client.call('never'), client.call('nothing')].map(settled);
    const { subscription } = record(client.request('never'));
    await world.pass(5);
    subscription.unsubscribe();
    world.network.cut();
    await world.pass(100);
    expect(answers).toEqual([[1], ['ERR_PRIMUS_DROPPED'], ['ERR_PRIMUS_NO_HANDLER']]);
    expect(world.clock.pending).toBeLessThanOrEqual(pending);
  });
});

describe('a session', () => {
  it('carries requests over to the next connection, in both directions', async () => {
    const { world, server, client, spark } = start({ session: true });
    const slow = (ms: number) => firstValueFrom(timer(ms, world.clock)).then(() => ms);
    server.handle('slow', slow);
    client.handle('slow', slow);
    server.handle('ticks', () => interval(10, world.clock).pipe(take(12)));
    await world.pass(10);
    const answers = [
      client.call('slow', 50),
      server.call(spark(), 'slow', 50),
      client.call('slow', 10),
      server.call(spark(), 'slow', 10),
    ].map(settled);
    const { log } = record(client.request('ticks'));
    await world.pass(5);
    world.network.cut();
    await world.pass(200);
    expect(answers).toEqual([[50], [50], [10], [10]]);
    expect(log).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 'done']);
  });

  it('carries a cancellation over as well', async () => {
    const { world, server, client } = start({ session: true });
    const left = vi.fn();
    server.handle('never', () => new Observable(() => left));
    await world.pass(10);
    const { subscription } = record(client.request('never'));
    await world.pass(5);
    world.network.cut();
    await world.pass(2);
    subscription.unsubscribe();
    expect(left).not.toHaveBeenCalled();
    await world.pass(100);
    expect(left).toHaveBeenCalledTimes(1);
  });

  it('that is over fails them', async () => {
    const { world, server, client, spark } = start({ session: true, world: { server: { resume: { window: 1_000 } } } });
    server.handle('never', () => NEVER);
    client.handle('never', () => NEVER);
    await world.pass(10);
    const up = settled(client.call('never', 1, { timeout: Infinity }));
    const down = settled(server.call(spark(), 'never', 1, { timeout: Infinity }));
    await world.pass(5);
    world.network.down = true;
    world.network.cut();
    await world.pass(500);
    expect([up, down]).toEqual([[], []]);
    await world.pass(600);
    expect([up, down]).toEqual([[], ['ERR_PRIMUS_DROPPED']]);
    world.network.down = false;
    await world.pass(100);
    expect(up).toEqual(['ERR_PRIMUS_DROPPED']);
  });

  it('fails them at once when the server has no sessions', async () => {
    const { world, server, client, primusClient } = start({ session: true, world: { server: { resume: false } } });
    server.handle('never', () => NEVER);
    await world.pass(20);
    const answer = settled(client.call('never'));
    await world.pass(5);
    world.network.cut();
    await world.pass(1);
    expect(primusClient.state.name).toBe('waiting');
    expect(answer).toEqual(['ERR_PRIMUS_DROPPED']);
  });

  it('fails what a server does not know that goes on with it', async () => {
    const { world, client, server, spark } = start({ session: true });
    const left = vi.fn();
    client.handle('never', () => new Observable(() => left));
    server.handle('never', () => NEVER);
    await world.pass(10);
    const frames = settled(client.call('never'));
    server.request(spark(), 'never').subscribe({ error: () => {} });
    await world.pass(5);
    // As the server of another node has it: it knows the session, and no request.
    const { receive } = exchangesOf(world);
    receive(['primus::request::sync', [4_711], [4_712]]);
    await world.pass(5);
    expect(world.network.pairs[0]?.down.filter((frame) => /::error|::cancel/.test(frame))).toEqual([
      '["primus::request::error",4711,"lost"]',
      '["primus::request::cancel",4712]',
    ]);
    expect(frames).toEqual([]);
  });
});

/** Injects words as if the client had sent them. */
function exchangesOf(world: ReturnType<typeof start>['world']) {
  const pair = world.network.pairs.at(-1);
  return { receive: (word: unknown) => pair?.client.send(JSON.stringify(word)) };
}

describe('limits', () => {
  it('make further requests wait', async () => {
    const { world, server, client } = start({ onClient: { concurrency: 2 } });
    let running = 0;
    let most = 0;
    server.handle('slow', async (n: number) => {
      running += 1;
      most = Math.max(most, running);
      await firstValueFrom(timer(10, world.clock));
      running -= 1;
      return n;
    });
    const answers = settled(Promise.all([1, 2, 3, 4, 5].map((n) => client.call('slow', n))));
    await world.pass(100);
    expect(answers).toEqual([[1, 2, 3, 4, 5]]);
    expect(most).toBe(2);
  });

  it('make further requests go on when others are cancelled, or time out', async () => {
    const { world, server, client } = start({ onClient: { concurrency: 1 } });
    server.handle('never', () => NEVER);
    server.handle('add', () => 1);
    await world.pass(5);
    const { subscription } = record(client.request('never'));
    const late = settled(client.call('never', 1, { timeout: 30 }));
    const answer = settled(client.call('add'));
    await world.pass(5);
    subscription.unsubscribe();
    await world.pass(50);
    expect([late, answer]).toEqual([['ERR_PRIMUS_TIMEOUT'], [1]]);
  });

  it('refuse requests that would wait behind too many', async () => {
    const { world, client } = start({ onClient: { queueSize: 2 }, client: { manual: true } });
    const answers = [1, 2, 3].map(() => settled(client.call('add')));
    await world.pass(5);
    expect(answers).toEqual([[], [], ['ERR_PRIMUS_BUSY']]);
  });

  it('refuse what a peer asks beyond them, with a code', async () => {
    const { world, server, client } = start({ onServer: { maxRequests: 2 } });
    server.handle('slow', (n: number) => firstValueFrom(timer(10, world.clock)).then(() => n));
    const answers = [1, 2, 3].map((n) => settled(client.call('slow', n)));
    await world.pass(50);
    expect(answers).toEqual([[1], [2], ['ERR_PRIMUS_BUSY']]);
    const again = settled(client.call('slow', 4));
    await world.pass(50);
    expect(again).toEqual([4]);
  });

  it('count a handler that does not stop when it is cancelled', async () => {
    const { world, server, client } = start({ onServer: { maxRequests: 2 } });
    let started = 0;
    server.handle('slow', () => {
      started += 1;
      return firstValueFrom(timer(100, world.clock));
    });
    await world.pass(5);
    for (let count = 0; count < 50; count++) {
      const { subscription } = record(client.request('slow'));
      await world.pass(1);
      subscription.unsubscribe();
    }
    expect(started).toBe(2);
    await world.pass(100);
    const answer = settled(client.call('slow'));
    await world.pass(200);
    expect(answer).toEqual([0]);
  });
});

describe('a peer without manners', () => {
  /** A client that sends words of its own. */
  async function hostile(onServer = {}) {
    const started = start({ onServer });
    const { world, server } = started;
    const running = { now: 0, started: 0 };
    server.handle(
      'never',
      () =>
        new Observable(() => {
          running.now += 1;
          running.started += 1;
          return () => {
            running.now -= 1;
          };
        }),
    );
    server.handle('ticks', () => interval(1, world.clock));
    await world.pass(5);
    const pair = world.network.pairs[0];
    const send = (...word: unknown[]) => pair?.client.send(JSON.stringify(word));
    return {
      ...started,
      send,
      running,
      down: () => (pair?.down.splice(0) ?? []).filter((frame) => frame !== '["primus::request::ready"]'),
    };
  }

  it('gets nothing for answers to no request', async () => {
    const { world, send, down, spark } = await hostile();
    for (let id = 0; id < 1_000; id++) {
      send('primus::request::next', id, 1);
      send('primus::request::done', id, 1);
      send('primus::request::error', id, 'failed');
    }
    await world.pass(5);
    expect(down()).toEqual([]);
    expect(spark().readyState).toBe(3);
  });

  it('gets a short refusal for each request beyond the limit', async () => {
    const { world, send, down, running } = await hostile({ maxRequests: 10 });
    for (let id = 1; id <= 2_000; id++) send('primus::request', id, 'never', null, 1);
    // The server takes them a turn of the event loop at a time.
    for (let turn = 0; turn < 100; turn++) await world.pass(1);
    expect(running.now).toBe(10);
    const frames = down();
    expect(frames).toHaveLength(1_990);
    expect(new Set(frames.map((frame) => frame.replace(/\d+/, 'id')))).toEqual(new Set(['["primus::request::error",id,"busy"]']));
  });

  it('starts no request twice, and ends none twice', async () => {
    const { world, send, down, running } = await hostile();
    for (const id of [1, 1, 2]) send('primus::request', id, 'never', null, 1);
    await world.pass(5);
    expect(running).toEqual({ now: 2, started: 2 });
    for (const id of [1, 1, 1, 3, null, '1']) send('primus::request::cancel', id);
    await world.pass(5);
    expect(running.now).toBe(1);
    send('primus::request', 1, 'never', null, 1);
    await world.pass(5);
    expect(running.now).toBe(2);
    expect(down()).toEqual([]);
  });

  it('that never reads a stream makes it end', async () => {
    const { world, send, down } = await hostile({ bufferSize: 50 });
    send('primus::request', 1, 'ticks', null, 3);
    await world.pass(200);
    expect(down()).toEqual([
      '["primus::request::next",1,0]',
      '["primus::request::next",1,1]',
      '["primus::request::next",1,2]',
      '["primus::request::error",1,"slow"]',
    ]);
  });

  it('shares one buffer among all its streams', async () => {
    const { world, send, down } = await hostile({ bufferSize: 50 });
    for (let id = 1; id <= 100; id++) send('primus::request', id, 'ticks', null, 0);
    await world.pass(200);
    expect(down().filter((frame) => frame.includes('slow'))).toHaveLength(100);
  });

  it('gets no more credit than there is', async () => {
    const { world, send, down } = await hostile();
    send('primus::request', 1, 'ticks', null, 1e9);
    for (let count = 0; count < 100; count++) send('primus::request::more', 1, Number.MAX_SAFE_INTEGER);
    await world.pass(500);
    expect(down()).toHaveLength(64);
  });

  it('sends malformed words, which change nothing', async () => {
    const { world, send, down, spark } = await hostile();
    const odd = [undefined, null, {}, [], -1, 1.5, 'x', 1e300, true, { length: 1e9 }];
    for (const type of ['', '::more', '::cancel', '::sync', '::next', '::done', '::error', '::other'])
      for (const a of odd) for (const b of odd) for (const c of odd) send(`primus::request${type}`, a, b, c, a);
    send('primus::request::', 1);
    await world.pass(5);
    expect(down().filter((frame) => !/"unknown"/.test(frame))).toEqual([]);
    expect(spark().readyState).toBe(3);
  });

  it('that sends more values than it may is cancelled', async () => {
    const { world, server, client, spark } = start();
    server.handle('endless', () => NEVER);
    const values = client.request('endless')[Symbol.asyncIterator]();
    const first = settled(values.next());
    await world.pass(5);
    const pair = world.network.pairs[0];
    const [request] = (pair?.up ?? []).map((frame) => JSON.parse(frame)).filter(([type]) => type === 'primus::request');
    for (let count = 0; count < 200; count++) spark().connection.write(['primus::request::next', request[1], count]);
    await world.pass(5);
    const rest: unknown[] = [];
    const loop = settled(
      (async () => {
        for await (const value of values) rest.push(value);
      })(),
    );
    await world.pass(5);
    expect([first, rest.length, loop]).toEqual([[{ done: false, value: 0 }], 63, ['ERR_PRIMUS_HANDLER']]);
    expect(pair?.up.at(-1)).toBe(`["primus::request::cancel",${request[1]}]`);
  });
});

describe('errors of an application', () => {
  it('of a subscriber are its own connection’s', async () => {
    const { world, server, client, errors, primusClient } = start();
    server.handle('add', () => 1);
    client.request('add').subscribe(() => {
      throw new Error('My mistake');
    });
    await world.pass(5);
    expect(errors.map(({ message }) => message)).toEqual(['My mistake']);
    expect(primusClient.readyState).toBe(3);
  });

  it('of a client that handles are reported there', async () => {
    const { world, server, client, errors, spark } = start();
    client.handle('fail', () => {
      throw new Error('My mistake');
    });
    await world.pass(5);
    const answer = settled(server.call(spark(), 'fail'));
    await world.pass(5);
    expect(answer).toEqual(['ERR_PRIMUS_HANDLER']);
    expect(errors.map(({ message }) => message)).toEqual(['My mistake']);
  });
});

it('works with the classes of the package', () => {
  expect(LinkError.prototype).toBeInstanceOf(PrimusError);
  expect(Primus.PrimusError).toBe(PrimusError);
});
