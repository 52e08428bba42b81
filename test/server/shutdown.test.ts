import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { type DestroyOptions, Primus, type Spark } from '../../src/index.js';
import { Clock, settle } from '../support/clock.js';
import { event, serve, until } from '../support/serve.js';
import { World } from '../support/world.js';
import { watchForCrashes } from './crashes.js';
import { handshake, raw, rawWebSocket } from './raw.js';

watchForCrashes();

/** Destroys a world's server in virtual time; resolves with when it was done, or null when it was not. */
async function destroyed(world: World, options: DestroyOptions, within: number): Promise<number | null> {
  let done: number | null = null;
  const from = world.clock.now();
  world.primus.destroy({ close: false, ...options }, () => {
    done ??= world.clock.now() - from;
  });
  await world.pass(within);
  return done;
}

describe('destroy', () => {
  it('ends the connections for good, emits `close` once with the options, and calls back every time', async () => {
    const { primus, connect } = await serve({ transformer: 'memory' });
    const client = connect();
    await event(client, 'open');
    const order: unknown[] = [];
    primus.on('disconnection', () => order.push('disconnection'));
    primus.on('close', (options) => order.push(options));
    const options = { timeout: 0 };
    const done = () => order.push('done');
    const first = primus.destroy(options, done).then(() => order.push('resolved'));
    await Promise.all([first, primus.destroy(done), primus.end(done)]);
    expect(order).toEqual(['disconnection', options, 'done', 'done', 'done', 'resolved']);
    expect(await primus.destroy()).toBeUndefined();
    await primus[Symbol.asyncDispose]();
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    expect(primus.connected).toBe(0);
  });

  it('lets clients reconnect with `reconnect: true`', async () => {
    const { primus, connect } = await serve({ transformer: 'memory' });
    const client = connect();
    await event(client, 'open');
    const scheduled = event(client, 'reconnect scheduled');
    primus.destroy({ reconnect: true });
    await scheduled;
    expect(client.state.name).toBe('waiting');
  });

  it('closes the HTTP server unless `close` is false, and restores its listeners', async () => {
    const server = createServer((_request, response) => response.end('app'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const before = ['request', 'upgrade', 'close'].map((name) => server.listeners(name));
    const first = new Primus(server);
    await new Promise<void>((resolve) => first.destroy({ close: false }, resolve));
    expect(server.listening).toBe(true);
    expect(await (await fetch(`${url}/primus`, { headers: { connection: 'close' } })).text()).toBe('app');
    expect(['request', 'upgrade', 'close'].map((name) => server.listeners(name))).toEqual(before);
    const second = new Primus(server);
    await new Promise<void>((resolve) => second.destroy({}, resolve));
    expect(server.listening).toBe(false);
  });

  it('emits `close` when the HTTP server is closed, whose port is free by then', async () => {
    const { primus, server, port, connect } = await serve();
    await event(connect(), 'open');
    const order: string[] = [];
    server.on('close', () => order.push('server'));
    primus.on('disconnection', () => order.push(`disconnection ${server.listening}`));
    primus.on('close', () => order.push(`close ${server.listening}`));
    await primus[Symbol.asyncDispose]();
    expect(order).toEqual(['disconnection true', 'server', 'close false']);
    await serve({}, { port });
  });

  it('works on a server that never listened', async () => {
    const primus = new Primus(createServer(), { transformer: 'memory' });
    const closed = vi.fn();
    primus.on('close', closed);
    await new Promise<void>((resolve) => primus.destroy({}, resolve));
    expect(closed).toHaveBeenCalledOnce();
  });

  it('completes every stream', async () => {
    const { primus } = await serve({ transformer: 'memory' });
    const seen: string[] = [];
    const streams: Record<string, Observable<unknown>> = {
      connection: primus.connection$,
      disconnection: primus.disconnection$,
      log: primus.log$,
      close: primus.close$,
    };
    for (const [name, stream] of Object.entries(streams))
      stream.subscribe({ next: () => seen.push(`${name}!`), complete: () => seen.push(name) });
    await primus[Symbol.asyncDispose]();
    expect(seen.sort()).toEqual(['close', 'close!', 'connection', 'disconnection', 'log']);
    const late: string[] = [];
    for (const [name, stream] of Object.entries(streams)) stream.subscribe({ complete: () => late.push(name) });
    expect(late.sort()).toEqual(['close', 'connection', 'disconnection', 'log']);
  });

  it.each<[string, (options: unknown, next: (error?: unknown) => void) => unknown]>([
    ['waits', (_options, next) => void setImmediate(next)],
    ['is called back with an error', (_options, next) => next(new Error('broken'))],
    ['rejects', async (_options, _next) => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
  ])('completes when a `close` listener %s', async (_name, listener) => {
    const { primus, server } = await serve({ transformer: 'memory' });
    primus.on('close', listener);
    await primus[Symbol.asyncDispose]();
    expect(server.listening).toBe(false);
  });

  it('rejects requests meanwhile with 503 and Retry-After', async () => {
    const { primus, port, url, connect } = await serve();
    await event(connect(), 'open');
    primus.destroy({ timeout: 60_000 });
    const answer = await fetch(`${url}/primus/spec`, { headers: { connection: 'close' } });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(JSON.parse(await answer.text())).toHaveProperty('error');
    const peer = (await raw(port)).send(handshake());
    const head = await peer.answer();
    expect(head).toMatch(/^HTTP\/1\.1 503 /);
    expect(head).toMatch(/^Retry-After: 1$/m);
    await peer.rest();
    expect(primus.connected).toBe(1);
    for (const spark of Object.values(primus.connections)) (spark as Spark).end();
  });

  it.each(['websockets', 'uws'])(
    'answers a request on an open TCP connection after the HTTP server was closed, and does not wait for more: %s',
    async (transformer) => {
      // In a time that stands still, whatever waits for a while waits for ever.
      const { primus, server, port } = await serve({ transformer, scheduler: new Clock() });
      // Node and the engine have both of them accepted for sure when the first is answered.
      const [busy, late] = [await raw(port), await raw(port)];
      await busy.send('GET /primus/spec HTTP/1.1\r\nHost: x\r\n\r\n').answer();
      const done = primus[Symbol.asyncDispose]();
      await until(() => !server.listening);
      await settle();
      late.send(handshake());
      // The engine closes the connection.
      if (transformer !== 'uws') expect(await late.answer()).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1/);
      await done;
      expect(primus.connected).toBe(0);
    },
  );

  it('closes a connection that is kept alive as soon as the request on it has been answered', async () => {
    const clock = new Clock();
    const { primus, server, port } = await serve({ scheduler: clock });
    const requested = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    const peer = (await raw(port)).send('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    const [, response] = await requested;
    const closed = once(server, 'close');
    const destroyed = primus[Symbol.asyncDispose]();
    await until(() => !server.listening);
    response.end();
    await peer.answer();
    let over = false;
    closed.then(() => {
      over = true;
    });
    // Long before it would be terminated.
    for (let ms = 0; ms < 1_000 && !over; ms += 10) {
      clock.advance(10);
      await settle();
    }
    expect(over).toBe(true);
    await destroyed;
  });

  it('terminates WebSockets that do not answer, and idle connections, and calls back', async () => {
    const { primus, port } = await serve();
    const idle = await raw(port);
    const silent = await rawWebSocket(port);
    await until(() => primus.connected === 1);
    await new Promise<void>((resolve) => primus.destroy({}, resolve));
    expect(await idle.rest()).toBe('');
    expect(await silent.closeCode()).toBe(1005);
    expect(await silent.rest()).toBe('');
  });

  it('does not wait for upgrades in middleware that never calls back', async () => {
    const { primus, port } = await serve();
    let pending = 0;
    primus.use('never', (_request, _response, _next) => void pending++);
    const waiting = await Promise.all([raw(port), raw(port)]);
    for (const peer of waiting) peer.send(handshake());
    await until(() => pending === 2);
    await new Promise<void>((resolve) => primus.destroy({}, resolve));
    for (const peer of waiting) expect(await peer.rest()).toMatch(/^HTTP\/1\.1 503 /);
  });
});

describe('destroy in virtual time', () => {
  it('waits for the connections at most for the time-out', async () => {
    const world = new World();
    const peers = [world.connect(), world.connect()];
    await world.pass(100);
    expect(world.primus.connected).toBe(2);
    const done = destroyed(world, { timeout: 10_000 }, 12_000);
    const at = await done;
    expect(at).toBeGreaterThanOrEqual(10_000);
    // What is said last may still be on its way out.
    expect(at).toBeLessThan(10_050);
    expect(peers.map(({ client }) => client.state.name)).toEqual(['closed', 'closed']);
    await world.destroy();
  });

  it('does not wait without a time-out', async () => {
    const world = new World();
    const peer = world.connect();
    await world.pass(100);
    expect(await destroyed(world, {}, 1_000)).toBeLessThan(50);
    expect(peer.client.state).toMatchObject({ name: 'closed', by: 'server' });
    await world.destroy();
  });

  const long = { timeout: 60_000 };

  it.each<[DestroyOptions, DestroyOptions, DestroyOptions, number]>([
    [long, { timeout: 2_000, reconnect: true }, { timeout: 2_000, reconnect: true }, 2_000],
    [{ timeout: 2_000, reconnect: true }, long, { timeout: 2_000, reconnect: true }, 2_000],
    [long, { reconnect: true }, { reconnect: true }, 0],
  ])('follows the call whose time-out ends first: %j, then %j', async (first, second, urgent, at) => {
    const world = new World();
    const peer = world.connect();
    await world.pass(100);
    const closed = vi.fn();
    world.primus.on('close', closed);
    const from = world.clock.now();
    const times: number[] = [];
    for (const options of [first, second]) world.primus.destroy({ close: false, ...options }, () => times.push(world.clock.now() - from));
    await world.pass(at + 20);
    expect(times).toHaveLength(2);
    for (const time of times) expect(time).toBeGreaterThanOrEqual(at);
    expect(closed.mock.calls).toEqual([[{ close: false, ...urgent }]]);
    expect(peer.client.state.name).toBe('waiting');
    await world.destroy();
  });

  it('goes on carrying messages of the connections until the time-out', async () => {
    const world = new World();
    const peer = world.connect();
    await world.pass(100);
    const seen: unknown[] = [];
    peer.client.on('data', (data) => seen.push(data)).on('end', () => seen.push('end'));
    world.findSpark(peer)?.on('data', (data) => void world.findSpark(peer)?.write(data));
    world.clock.schedule(() => void peer.client.write('late'), 9_000);
    await destroyed(world, { timeout: 10_000 }, 12_000);
    expect(seen).toEqual(['late', 'end']);
    await world.destroy();
  });

  it('is called end as well, with the same options', async () => {
    const world = new World();
    const peer = world.connect();
    await world.pass(100);
    const done = vi.fn();
    void world.primus.end({ close: false, reconnect: true, timeout: 1_000 }, done);
    await world.pass(900);
    expect([done.mock.calls.length, peer.client.state.name]).toEqual([0, 'open']);
    await world.pass(200);
    expect([done.mock.calls.length, peer.client.state.name]).toEqual([1, 'waiting']);
    await world.destroy();
  });

  it('is done as soon as the last client has left', async () => {
    const world = new World();
    const peer = world.connect();
    await world.pass(100);
    world.clock.schedule(() => void peer.client.end(), 3_000);
    expect(await destroyed(world, { timeout: 10_000 }, 12_000)).toBe(3_000);
    await world.destroy();
  });

  it('delivers messages that were written, and those in asynchronous transformers', async () => {
    const world = new World({ latency: 10 });
    world.primus.transform('outgoing', (_packet, next) => void world.clock.schedule(() => next(), 500));
    const peer = world.connect();
    await world.pass(100);
    const data: unknown[] = [];
    peer.client.on('data', (value) => data.push(value));
    world.primus.forEach((spark) => {
      for (const number of [1, 2]) spark.write(number);
    });
    expect(await destroyed(world, {}, 5_000)).not.toBeNull();
    expect(data).toEqual([1, 2]);
    await world.destroy();
  });

  it('does not wait for a connection listener that never agrees', async () => {
    const world = new World();
    const gone = vi.fn();
    world.primus.on('connection', (_spark, _next) => {});
    world.primus.on('disconnection', gone);
    const peer = world.connect();
    await world.pass(100);
    expect(world.primus.connected).toBe(1);
    expect(await destroyed(world, {}, 5_000)).not.toBeNull();
    expect(world.primus.connected).toBe(0);
    expect(gone).toHaveBeenCalledTimes(1);
    expect(peer.client.state.name).not.toBe('open');
    await world.destroy();
  });

  it('does not wait for a transformer that never answers', async () => {
    const world = new World();
    world.primus.transform('outgoing', (_packet, _next) => {});
    world.connect();
    await world.pass(100);
    world.primus.forEach((spark) => void spark.write(1));
    expect(await destroyed(world, {}, 5_000)).not.toBeNull();
    expect(world.primus.connected).toBe(0);
    await world.destroy();
  });

  it('leaves no timer behind', async () => {
    const world = new World();
    for (let count = 0; count < 10; count++) world.connect();
    await world.pass(50_000);
    await world.destroy();
    await settle();
    await world.pass(200_000);
    expect(world.clock.pending).toBe(0);
  });

  it('may be followed by another server on the same HTTP server', async () => {
    const world = new World();
    await world.stop();
    world.start();
    const peer = world.connect();
    await world.pass(100);
    expect(peer.client.state.name).toBe('open');
    await world.destroy();
  });
});
