import { interval } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createTestWorld, type FakeTimers, type TestWorldOptions } from '../../src/testing.js';

const wrong = (says: RegExp | string) => expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(says) });

describe('a world', () => {
  it('passes a week of heartbeats without real timers, and leaves nothing', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timers.mockRestore());
    const world = createTestWorld({ server: { pingInterval: 600_000 } });
    const client = world.client();
    let pings = 0;
    client.on('incoming::ping', () => pings++);
    await world.advance(7 * 86_400_000);
    expect([pings, client.state.name, world.now()]).toEqual([7 * 24 * 6, 'open', 7 * 86_400_000]);
    expect(timers).not.toHaveBeenCalled();
    await world.destroy();
    expect([world.pending, world.network.alive, world.http.listening, world.http.listenerCount('upgrade')]).toEqual([0, 0, false, 0]);
  });

  it('waits for the same delays with the same seed, and for others with another', async () => {
    const delays = async (seed: number) => {
      const world = createTestWorld({ seed });
      world.network.cut();
      const scheduled: number[] = [];
      world.client().on('reconnect scheduled', ({ scheduled: ms }) => scheduled.push(ms));
      await world.advance(60_000);
      await world.destroy();
      return scheduled;
    };
    const first = await delays(7);
    expect(first.length).toBeGreaterThan(3);
    expect(await delays(7)).toEqual(first);
    expect(await delays(8)).not.toEqual(first);
  });

  it('gives code under test a class of clients in the place of its own', async () => {
    await using world = createTestWorld({ client: { reconnect: { retries: 3 }, queueSize: 5 } });
    const { Client } = world;
    const clients = [
      new Client('https://example.com/?token=1', { queueSize: 7, transport: { own: true } }),
      new Client({ url: 'wss://example.com' }),
      Client.connect('http://example.com:8080'),
      new Client(),
    ];
    await world.advance();
    expect(clients.map(({ state }) => state.name)).toEqual(['open', 'open', 'open', 'open']);
    expect(clients.map(({ options }) => options.queueSize)).toEqual([7, 5, 5, 5]);
    expect(clients.map(({ url }) => url.host)).toEqual(['example.com', 'example.com', 'example.com:8080', 'world']);
    expect(clients[0]).toBeInstanceOf(Client);
  });

  it('calls `setup` for each server, which clients of a restarted one reach', async () => {
    const servers: unknown[] = [];
    const world = createTestWorld({
      setup: (primus) => {
        servers.push(primus);
        primus.on('connection', (spark) => spark.write(`server ${servers.length}`));
      },
    });
    const client = world.client();
    const received: unknown[] = [];
    client.on('data', (message) => received.push(message));
    await world.advance();
    await world.restart({ downtime: 10_000 });
    expect([servers.length, world.server === servers[1], client.state.name]).toEqual([2, true, 'waiting']);
    await world.advance(30_000);
    const before = world.now();
    await world.restart({ crash: true });
    expect(client.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_DROPPED' } });
    expect(world.now() - before).toBeLessThan(100);
    await world.advance(30_000);
    expect(received).toEqual(['server 1', 'server 2', 'server 3']);
    await world.destroy();
    expect(world.pending).toBe(0);
  });

  it('ends clients that reconnect when the server stops for good, and starts another one', async () => {
    await using world = createTestWorld();
    const client = world.client();
    await world.advance();
    expect(world.start()).toBe(world.server);
    await world.stop();
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    await world.stop();
    world.start();
    client.open();
    await world.advance();
    expect(client.state.name).toBe('open');
  });

  it.each<[keyof TestWorldOptions, unknown, RegExp]>([
    ['latency', -1, /`latency` must be a number of at least 0, got -1/],
    ['frame', 0, /`frame`/],
    ['setup', 'x', /`setup` must be a function/],
    ['server', 'x', /`server`/],
    ['client', 'x', /`client`/],
    ['scheduler', {}, /`scheduler` must be a VirtualTimeScheduler/],
    ['timers', {}, /`timers` must be the fake timers/],
    // Those of node:test go on with an interval that was cleared by its own function.
    ['timers', { tick() {} }, /`timers` must be the fake timers/],
  ])('rejects a %s of %o', (option, value, says) => {
    expect(() => createTestWorld({ [option]: value })).toThrow(wrong(says));
  });

  it('rejects two clocks, and options that are no object', () => {
    expect(() => createTestWorld({ timers: vi as FakeTimers, scheduler: new TestScheduler(() => {}) })).toThrow(wrong(/`timers`/));
    expect(() => createTestWorld('x' as never)).toThrow(wrong(/`options`/));
  });
});

describe('a script', () => {
  it('runs its letters at their frames', async () => {
    await using world = createTestWorld({ frame: 10 });
    const log: string[] = [];
    const note = (letter: string) => [letter, () => void log.push(`${world.now()} ${letter}`)] as const;
    const length = world.script('a-b 1s (cd)e|', Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map(note)));
    expect(length).toBe(1_080);
    await world.advance(length);
    expect(log).toEqual(['0 a', '20 b', '1030 c', '1030 d', '1070 e']);
    expect(world.script('--')).toBe(20);
    expect(world.script('')).toBe(0);
  });

  it('has default letters for all faults, which may be given other steps', async () => {
    const world = createTestWorld({ client: { reconnect: () => 3 } });
    const states: string[] = [];
    const client = world.client();
    client.state$.subscribe(({ name }) => states.push(`${world.now()} ${name}`));
    await world.play('-----c----h----|');
    expect(states).toEqual(['0 idle', '0 connecting', '0 open', '5 waiting', '8 connecting', '8 waiting', '11 connecting', '11 open']);
    const faults = ['cut', 'halfOpen', 'delay', 'drop', 'heal', 'offline', 'online'] as const;
    const calls = faults.map((fault) => vi.spyOn(world.network, fault));
    await world.play('(codxhfn)|');
    for (const call of calls) expect(call).toHaveBeenCalled();
    const cut = calls[0]?.mock.calls.length;
    await world.play('c|', { c: 'heal' });
    expect(calls[0]?.mock.calls.length).toBe(cut);
    await world.destroy();
    expect(world.pending).toBe(0);
  });

  it.each([
    ['r', 'server'],
    ['k', 'crash'],
  ])('restarts the server by %s', async (letter) => {
    const world = createTestWorld();
    const client = world.client();
    await world.advance();
    const before = world.server;
    await world.play(`${letter} 10s |`);
    expect([world.server === before, client.state.name, world.server.connected]).toEqual([false, 'open', 1]);
    await world.destroy();
    expect(world.pending).toBe(0);
  });

  it('that is not over when the world is destroyed is forgotten', async () => {
    const world = createTestWorld();
    const late = vi.fn();
    world.script('10s a|', { a: late });
    await world.destroy();
    expect(world.pending).toBe(0);
    await world.advance(20_000);
    expect(late).not.toHaveBeenCalled();
  });

  it.each(['z', '--2s|', '^--c', 'c#', '--(c', 'c)', 42, null])('rejects %o', async (marbles) => {
    await using world = createTestWorld();
    expect(() => world.script(marbles as string)).toThrow(wrong(/marbles|has no step/));
    expect(world.script('c|')).toBe(1);
  });

  it('throws what one of its functions throws', async () => {
    await using world = createTestWorld();
    const fails = () => {
      throw new Error('a step');
    };
    await expect(world.play('-a|', { a: fails })).rejects.toThrow('a step');
  });
});

describe('a TestScheduler', () => {
  it('is refused while it runs a test: the heartbeats of the server would never end', () => {
    const scheduler = new TestScheduler(() => {});
    scheduler.run(() => {
      expect(() => createTestWorld({ scheduler })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    });
  });

  it('is the clock of a world, and driven by `advance`', async () => {
    const scheduler = new TestScheduler(() => {});
    const world = createTestWorld({ scheduler });
    const client = world.client();
    await world.play('c 1s h 30s |');
    expect(client.state.name).toBe('open');
    const ticks: number[] = [];
    const ticking = interval(100, world.scheduler).subscribe((tick) => ticks.push(tick));
    await world.advance(350);
    expect(ticks).toEqual([0, 1, 2]);
    ticking.unsubscribe();
    await world.destroy();
    expect(world.pending).toBe(0);
  });
});

describe('fake timers', () => {
  afterEach(() => void vi.useRealTimers());

  /** The parts of Vitest's fake timers by the names of other runners. */
  const runners: [string, FakeTimers][] = [
    ['Vitest and Jest', vi],
    ['older ones of both', { advanceTimersByTime: (ms) => vi.advanceTimersByTime(ms) }],
    ['sinon', { tickAsync: (ms) => vi.advanceTimersByTimeAsync(ms) }],
  ];

  it.each(runners)('of %s are the clock of a world and of the code under test', async (_runner, timers) => {
    vi.useFakeTimers({ now: 1_000_000 });
    const world = createTestWorld({ timers, client: { reconnect: () => 2_000 }, server: { pingInterval: 1_000 } });
    const client = world.client();
    const log: string[] = [];
    client.state$.subscribe(({ name }) => log.push(`${Date.now() - 1_000_000} ${name}`));
    setTimeout(() => log.push(`${Date.now() - 1_000_000} own timer`), 1_500);
    await world.play('1s c 2s h 3s |');
    // A timer takes 1 ms at least, as in Node.js.
    expect(log).toEqual(['0 idle', '0 connecting', '1 open', '1000 waiting', '1500 own timer', '3000 connecting', '3002 open']);
    expect([world.now(), world.pending]).toEqual([1_006_002, undefined]);
    await world.restart();
    expect(client.state.name).toBe('waiting');
    await world.advance(2_100);
    expect(client.state.name).toBe('open');
    await world.destroy();
    expect(vi.getTimerCount()).toBe(0);
  });
});
