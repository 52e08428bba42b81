import { createServer } from 'node:http';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { type DrainOptions, type DrainProgress, Primus, type PrimusError, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { event, serve, until } from '../support/serve.js';
import { type LinkPair, type Peer, World, type WorldOptions } from '../support/world.js';
import { watchForCrashes } from './crashes.js';
import { handshake, raw, rawWebSocket } from './raw.js';

watchForCrashes();

/** A world with so many clients that are connected. */
async function populated(count: number, options: WorldOptions = {}): Promise<{ world: World; peers: Peer[] }> {
  const world = new World(options);
  const peers = Array.from({ length: count }, () => world.connect());
  await world.pass(1_000);
  expect(world.primus.connected).toBe(count);
  return { world, peers };
}

/** Drains a world's server; the result changes as it goes on. */
function drained(world: World, options: DrainOptions = {}) {
  const progress: DrainProgress[] = [];
  const outcome: { completed?: number; error?: unknown } = {};
  const from = world.clock.now();
  const subscription = world.primus.drain(options).subscribe({
    next: (value) => progress.push(value),
    error: (error: unknown) => {
      outcome.error = error;
    },
    complete: () => {
      outcome.completed = world.clock.now() - from;
    },
  });
  return { progress, outcome, subscription, from };
}

/** The largest number of times within any window of so many ms. */
function peak(times: readonly number[], width: number): number {
  return Math.max(...times.map((first, index) => times.slice(index).filter((time) => time < first + width).length));
}

describe('drain', () => {
  it('does nothing before it is subscribed to', async () => {
    const { world, peers } = await populated(1);
    world.primus.drain({ over: 10 });
    await world.pass(1_000);
    expect([world.primus.ready, peers[0]?.client.state.name]).toEqual([true, 'open']);
    await world.destroy();
  });

  it('ends the connections at an even rate, and completes when there are none left', async () => {
    const { world, peers } = await populated(200);
    const times: number[] = [];
    world.primus.on('disconnection', () => times.push(world.clock.now()));
    const { progress, outcome, from } = drained(world, { over: 10_000, retryAfter: 60_000 });
    await world.pass(15_000);
    expect(outcome.completed).toBeGreaterThan(9_900);
    expect(outcome.completed).toBeLessThan(10_100);
    expect(times).toHaveLength(200);
    expect((times[0] as number) - from).toBeLessThan(200);
    for (const width of [500, 1_000, 3_000]) expect(peak(times, width)).toBeLessThanOrEqual(1.1 * 200 * (width / 10_000));
    expect(progress[0]).toEqual({ remaining: 200, ended: 0, elapsed: 0 });
    expect(progress.at(-1)).toEqual({ remaining: 0, ended: 200, elapsed: outcome.completed });
    expect(progress.every(({ remaining, ended }) => remaining + ended === 200)).toBe(true);
    expect(new Set(peers.map(({ client }) => client.state.name))).toEqual(new Set(['waiting']));
    await world.destroy();
  });

  it('ends those that do not answer among the others, also when they had connected one after the other', async () => {
    const { world } = await populated(400);
    for (const { client } of world.network.pairs.slice(0, 80)) client.subscribe({});
    const times: number[] = [];
    world.primus.on('disconnection', () => times.push(world.clock.now()));
    drained(world, { over: 20_000, retryAfter: 60_000 });
    await world.pass(26_000);
    expect(times).toHaveLength(400);
    for (const width of [1_000, 4_000]) expect(peak(times, width)).toBeLessThanOrEqual(1.1 * 400 * (width / 20_000));
    await world.destroy();
  });

  it('sends each client the delay of its reconnection, which is spread, and to which its jitter is added', async () => {
    const { world, peers } = await populated(50);
    const delays: number[] = [];
    for (const { client } of peers) client.on('reconnect scheduled', ({ scheduled }) => delays.push(scheduled));
    drained(world, { over: 0, retryAfter: '30 s' });
    await world.pass(1_000);
    expect(delays).toHaveLength(50);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(30_500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(30_000 + 15_000 + 1_000);
    expect(new Set(delays).size).toBeGreaterThan(30);
    await world.destroy();
  });

  it.each(['online', 'timeout', false] as const)('brings clients back whose strategy is %s', async (strategy) => {
    const world = new World();
    const clients = [world.connect({ strategy }).client, world.connect({ strategy }).client];
    await world.pass(100);
    const abort = new AbortController();
    drained(world, { over: 1_000, signal: abort.signal });
    await world.pass(700);
    const waiting = clients.filter(({ state }) => state.name === 'waiting').map(({ state }) => state);
    expect(waiting).toMatchObject([{ cause: { retryAfter: 1_000 } }]);
    abort.abort();
    await world.pass(5_000);
    expect(clients.map(({ state }) => state.name)).toEqual(['open', 'open']);
    await world.destroy();
  });

  it('rejects new connections with 503 and Retry-After, which bring the clients back whatever their strategy', async () => {
    const { world } = await populated(1);
    const abort = new AbortController();
    drained(world, { over: 60_000, retryAfter: 2_500, signal: abort.signal });
    const late = [world.connect(), world.connect({ strategy: 'online' }), world.connect({ strategy: false })];
    const errors: unknown[] = [];
    for (const { client } of late) client.on('error', (error) => errors.push(error));
    await world.pass(1_000);
    expect(errors).toMatchObject(late.map(() => ({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 503, retryAfter: 3_000 })));
    expect(late.map(({ client }) => client.state.name)).toEqual(['waiting', 'waiting', 'waiting']);
    abort.abort();
    await world.pass(10_000);
    expect(late.map(({ client }) => client.state.name)).toEqual(['open', 'open', 'open']);
    await world.destroy();
  });

  it('rejects a connection that middleware was still admitting', async () => {
    const { world } = await populated(1);
    let admit = (): void => {};
    world.primus.authorize((_request, done) => {
      admit = done;
    });
    const { client } = world.connect();
    await world.pass(10);
    drained(world, { over: 60_000 });
    admit();
    await world.pass(100);
    expect(client.state).toMatchObject({ name: 'waiting', cause: { status: 503 } });
    expect(world.primus.connected).toBe(1);
    await world.destroy();
  });

  it('is not ready from the beginning on, nor when it is destroyed', async () => {
    const { world } = await populated(1);
    const { subscription } = drained(world);
    expect(world.primus.ready).toBe(false);
    subscription.unsubscribe();
    expect(world.primus.ready).toBe(true);
    drained(world, { over: 100 });
    await world.pass(200);
    expect(world.primus.ready).toBe(false);
    await world.destroy();
    expect(world.primus.ready).toBe(false);
  });

  it('completes at once without connections, and leaves nothing for destroy to wait for', async () => {
    const world = new World();
    const { progress, outcome } = drained(world);
    expect(progress).toEqual([{ remaining: 0, ended: 0, elapsed: 0 }]);
    expect(outcome).toEqual({ completed: 0 });
    expect([world.primus.ready, world.clock.pending]).toEqual([false, 1]);
    const done = vi.fn();
    world.primus.destroy({ close: false }, done);
    await settle();
    expect(done).toHaveBeenCalledOnce();
    expect(world.clock.pending).toBe(0);
  });

  it('delivers what was written, also what is in transformers, and what clients have sent', async () => {
    const { world, peers } = await populated(3, { latency: 40 });
    const { primus, clock } = world;
    primus.transform('outgoing', (_packet, next) => void clock.schedule(() => next(), 300));
    primus.transform('incoming', (_packet, next) => void clock.schedule(() => next(), 300));
    const down: unknown[] = [];
    const up: unknown[] = [];
    primus.forEach((spark) => {
      spark.on('data', (data: unknown) => up.push(data));
    });
    for (const { client } of peers) client.on('data', (data) => down.push(data));
    const { outcome } = drained(world, { over: 0, retryAfter: 60_000 });
    primus.forEach((spark) => {
      for (const number of [1, 2]) spark.write(number);
    });
    for (const { client } of peers) for (const number of [3, 4]) client.write(number);
    await world.pass(4_000);
    expect([down.length, up.length]).toEqual([6, 6]);
    expect(outcome.completed).toBeLessThan(4_000);
    await world.destroy();
  });

  it('accepts no message for a connection that it is ending', async () => {
    const { world } = await populated(1, { latency: 100 });
    const spark = Object.values(world.primus.connections)[0] as Spark;
    drained(world, { over: 0 });
    await world.pass(20);
    expect([spark.write('late'), spark.readyState]).toEqual([false, Spark.OPEN]);
    await world.destroy();
  });

  it('closes the connection of a client that stays, and terminates one that does not answer', async () => {
    const { world } = await populated(2);
    const [silent, deaf] = world.network.pairs as [LinkPair, LinkPair];
    const closed: string[] = [];
    // Instead of the clients, which would close.
    silent.client.subscribe({ complete: () => closed.push('silent') });
    deaf.client.subscribe({});
    deaf.server.close = () => {};
    const left: number[] = [];
    world.primus.on('disconnection', () => left.push(world.clock.now() - from));
    const { outcome, from } = drained(world, { over: 0 });
    await world.pass(5_000);
    expect(closed).toEqual(['silent']);
    expect(left.map((time) => Math.round(time / 100) * 100)).toEqual([1_000, 3_000]);
    expect(outcome.completed).toBeLessThan(5_000);
    await world.destroy();
  });

  it('does not wait for connection listeners and message transformers that never answer', async () => {
    const world = new World();
    world.primus.on('connection', (_spark, _next) => {});
    world.primus.transform('outgoing', (_packet, _next) => {});
    const gone = vi.fn();
    world.primus.on('disconnection', gone);
    world.connect();
    world.connect();
    await world.pass(100);
    world.primus.forEach((spark) => void spark.write(1));
    const { outcome } = drained(world, { over: 100, retryAfter: 60_000 });
    await world.pass(5_100);
    expect(outcome.completed).toBeLessThanOrEqual(5_100);
    expect(gone).toHaveBeenCalledTimes(2);
    await world.destroy();
  });

  it('ends sparks without a connection', async () => {
    const world = new World();
    new world.primus.Spark();
    await world.pass(10);
    const { outcome } = drained(world, { over: 0 });
    await world.pass(1_100);
    expect(outcome.completed).toBeLessThanOrEqual(1_100);
    await world.destroy();
  });

  it('ends connections no faster when clients leave by themselves', async () => {
    const { world, peers } = await populated(100);
    const left: number[] = [];
    for (const { client } of peers) client.on('reconnect scheduled', () => left.push(world.clock.now()));
    const { progress, outcome } = drained(world, { over: 10_000, retryAfter: 60_000 });
    for (const { client } of peers.slice(50)) client.end();
    await world.pass(10_500);
    expect(outcome.completed).toBeLessThan(10_100);
    expect(left).toHaveLength(50);
    expect(peak(left, 1_000)).toBeLessThanOrEqual(6);
    expect(progress.at(-1)).toMatchObject({ remaining: 0, ended: 100 });
    await world.destroy();
  });

  it('is one run, however often it is called', async () => {
    const { world } = await populated(10);
    const first = drained(world, { over: 1_000, retryAfter: 60_000 });
    await world.pass(500);
    const second = drained(world, { over: 60_000 });
    expect(second.progress).toEqual([first.progress.at(-1)]);
    first.subscription.unsubscribe();
    await world.pass(700);
    expect([first.outcome.completed, second.outcome.completed !== undefined]).toEqual([undefined, true]);
    expect(second.progress.at(-1)).toMatchObject({ remaining: 0, ended: 10 });
    await world.destroy();
  });

  it('stops when its signal is aborted, errors with the reason, and accepts connections again', async () => {
    const { world, peers } = await populated(100);
    const abort = new AbortController();
    const { outcome } = drained(world, { over: 10_000, signal: abort.signal });
    await world.pass(5_000);
    expect(world.primus.connected).toBeLessThan(60);
    const reason = new Error('the update was called off');
    abort.abort(reason);
    expect(outcome).toEqual({ error: reason });
    await world.pass(60_000);
    expect(world.primus.connected).toBe(100);
    expect(peers.every(({ client }) => client.state.name === 'open')).toBe(true);
    await world.destroy();
  });

  it('accepts connections again before the error of its signal, unless another subscriber drains', async () => {
    const { world } = await populated(1);
    const ready: boolean[] = [];
    const drain = (signal: AbortSignal) => world.primus.drain({ signal }).subscribe({ error: () => ready.push(world.primus.ready) });
    const [first, second] = [new AbortController(), new AbortController()];
    drain(first.signal);
    drain(second.signal);
    first.abort();
    second.abort();
    expect(ready).toEqual([false, true]);
    await world.destroy();
  });

  it('does not begin with a signal that was aborted before', async () => {
    const { world } = await populated(1);
    await expect(lastValueFrom(world.primus.drain({ signal: AbortSignal.abort('no') }))).rejects.toBe('no');
    expect(world.primus.ready).toBe(true);
    await world.destroy();
  });

  it('completes when the server is destroyed meanwhile, which stays so', async () => {
    const { world, peers } = await populated(10);
    const { outcome, progress } = drained(world, { over: 60_000 });
    await world.pass(1_000);
    const done = vi.fn();
    world.primus.destroy({ close: false }, done);
    await world.pass(100);
    expect(done).toHaveBeenCalledOnce();
    expect(outcome.completed).toBeLessThan(1_100);
    expect(progress.at(-1)).toMatchObject({ remaining: 0, ended: 10 });
    expect(peers.every(({ client }) => client.state.name !== 'open')).toBe(true);
    expect(world.primus.ready).toBe(false);
    await world.destroy();
  });

  it('reports what a subscriber throws, and goes on', async () => {
    const { world } = await populated(3);
    const logged: unknown[] = [];
    world.primus.on('log', (_level, error) => logged.push(error));
    const error = new Error('broken');
    world.primus.drain({ over: 100 }).subscribe(() => {
      throw error;
    });
    await world.pass(300);
    expect(logged).toContain(error);
    expect(world.primus.connected).toBe(0);
    await world.destroy();
  });

  it('does not end early when the system clock is set', async () => {
    const { world } = await populated(100);
    const { progress, outcome } = drained(world, { over: 60_000, retryAfter: 600_000 });
    await world.pass(1_000);
    const now = world.clock.now.bind(world.clock);
    world.clock.now = () => now() + 3_600_000;
    await world.pass(1_000);
    expect(progress.at(-1)?.ended).toBeLessThan(8);
    world.clock.now = () => now() - 3_600_000;
    await world.pass(62_000);
    expect(outcome.completed).toBeDefined();
    await world.destroy();
  });

  it.each<[string, unknown]>([
    ['over', -1],
    ['over', 'soon'],
    ['retryAfter', {}],
    ['signal', {}],
  ])('throws for %s: %j', (option, value) => {
    const primus = new Primus(createServer(), { transformer: 'memory' });
    const drain = () => primus.drain({ [option]: value } as DrainOptions);
    expect(drain).toThrow(expect.objectContaining<Partial<PrimusError>>({ code: 'ERR_PRIMUS_OPTION' }));
    expect(drain).toThrow(option);
    primus.destroy();
  });
});

describe('drain over HTTP', () => {
  it('answers new connections with 503, and serves the application and the open connections', async () => {
    const { primus, server, port, url, connect } = await serve({ pingInterval: false });
    server.on('request', (_request, response) => void response.writeHead(primus.ready ? 200 : 503).end());
    const client = connect();
    await event(client, 'open');
    await until(() => primus.connected === 1);
    const abort = new AbortController();
    const drained = lastValueFrom(primus.drain({ over: 60_000, retryAfter: 7_000, signal: abort.signal }));
    const peer = (await raw(port)).send(handshake());
    expect(await peer.answer()).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 7$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    primus.forEach((spark) => {
      spark.on('data', (data: unknown) => void spark.write(data));
    });
    const echo = event(client, 'data');
    client.write('still here');
    expect((await echo)[0]).toBe('still here');
    abort.abort();
    await expect(drained).rejects.toMatchObject({ name: 'AbortError' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('sends the message that older clients ignore, then a close without `primus::server::close`', async () => {
    const { primus, port } = await serve();
    const peer = await rawWebSocket(port);
    await until(() => primus.connected === 1);
    const drained = lastValueFrom(primus.drain({ over: 0, retryAfter: 4_000 }));
    expect(await peer.closeCode()).toBe(1005);
    expect(await peer.rest()).toBe('');
    expect(await drained).toMatchObject({ remaining: 0, ended: 1 });
    await new Promise<void>((resolve) => primus.destroy(resolve));
  });
});
