import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestWorld, type TestWorld, type TestWorldOptions } from '../../src/testing.js';

interface Seen {
  /** The messages that clients have sent and received, with the time. */
  readonly up: string[];
  readonly down: string[];
}

/** A world whose server answers each message, and a client that is connected to it. */
async function connected(options: TestWorldOptions = {}) {
  const seen: Seen = { up: [], down: [] };
  const world: TestWorld = createTestWorld({
    ...options,
    setup: (primus) =>
      primus.on('connection', (spark) =>
        spark.on('data', (message) => {
          seen.up.push(`${world.now()} ${message}`);
          spark.write(`re: ${message}`);
        }),
      ),
  });
  onTestFinished(() => destroyed(world));
  const client = world.client();
  client.on('data', (message) => seen.down.push(`${world.now()} ${message}`));
  await world.advance(3 * world.network.latency);
  expect(client.state.name).toBe('open');
  return { world, client, seen, network: world.network };
}

/** Nothing is left of a world. */
async function destroyed(world: TestWorld): Promise<void> {
  await world.destroy();
  expect([world.pending, world.server.connected, world.network.alive]).toEqual([0, 0, 0]);
}

describe('cut', () => {
  it('terminates connections at both ends at once, and refuses new ones until the network is healed', async () => {
    const { world, client, network } = await connected({ client: { reconnect: () => 100 } });
    const ends: string[] = [];
    world.server.forEach((spark) => void spark.on('end', () => ends.push('server')));
    client.on('close', () => ends.push('client'));
    network.cut();
    expect([ends.sort(), network.alive, client.state.name]).toEqual([['client', 'server'], 0, 'waiting']);
    expect(client.state).toMatchObject({ cause: { code: 'ERR_PRIMUS_DROPPED' } });
    await world.advance(450);
    expect(client.state).toMatchObject({ name: 'waiting', attempt: { attempt: 5 }, cause: { code: 'ERR_PRIMUS_CONNECT' } });
    network.heal();
    await world.advance(100);
    expect([client.state.name, world.server.connected]).toEqual(['open', 1]);
  });

  it('loses the frames that are under way', async () => {
    const { world, client, seen, network } = await connected({ latency: 20, client: { reconnect: () => 100 } });
    client.write('lost');
    await world.advance(10);
    network.cut();
    network.heal();
    await world.advance(500);
    expect([client.state.name, seen]).toEqual(['open', { up: [], down: [] }]);
  });

  it('of one client leaves the others as they are', async () => {
    const { world, client, network } = await connected();
    const other = world.client();
    await world.advance(1);
    network.cut({ client });
    await world.advance(5_000);
    expect([client.state.name, other.state.name]).toEqual(['waiting', 'open']);
    network.heal();
    await world.advance(60_000);
    expect([client.state.name, other.state.name, world.server.connected]).toEqual(['open', 'open', 2]);
  });
});

describe('halfOpen', () => {
  it('lets nothing arrive, without notice: the time-outs of both ends detect it', async () => {
    const { world, client, seen, network } = await connected({ server: { pingInterval: 1_000 }, client: { reconnect: () => 60_000 } });
    network.halfOpen();
    client.write('into the void');
    await world.advance(1_000);
    expect([client.state.name, world.server.connected, seen.up]).toEqual(['open', 1, []]);
    await world.advance(1_500);
    expect([client.state, world.server.connected]).toMatchObject([{ name: 'waiting', cause: { code: 'ERR_PRIMUS_SILENCE' } }, 0]);
  });

  it('gives new connections no answer until the network is healed', async () => {
    const { world, network } = await connected();
    network.halfOpen();
    const late = world.client({ timeout: 300, reconnect: () => 100 });
    await world.advance(299);
    expect(late.state.name).toBe('connecting');
    await world.advance(1);
    expect(late.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_TIMEOUT' } });
    network.heal();
    await world.advance(100);
    expect(late.state.name).toBe('open');
  });

  it('does not let an answer arrive that is under way', async () => {
    const { world, network } = await connected({ latency: 10 });
    const late = world.client();
    await world.advance(15);
    network.halfOpen();
    await world.advance(100);
    expect([late.state.name, world.server.connected]).toEqual(['connecting', 2]);
  });

  it.each(['client', 'server'] as const)('can be noticed by the %s alone', async (noticed) => {
    const { world, client, network } = await connected({ client: { reconnect: () => 100, pingTimeout: 5_000 } });
    network.halfOpen({ noticed, client });
    network.heal();
    await world.advance(200);
    expect([client.state.name, world.server.connected]).toEqual(noticed === 'client' ? ['open', 2] : ['open', 0]);
    await world.advance(5_000);
    expect([client.state.name, network.alive]).toEqual(['open', noticed === 'client' ? 1.5 : 1]);
    // The server misses two pongs of the connection that the client has lost.
    await world.advance(60_000);
    expect([client.state.name, world.server.connected]).toEqual(['open', 1]);
  });
});

describe('delay', () => {
  it('changes the time of frames, which keep their order, until the network is healed', async () => {
    const { world, client, seen, network } = await connected({ latency: 10 });
    network.delay(200);
    client.write('slow');
    network.heal();
    client.write('behind it');
    await world.advance(400);
    expect(seen).toEqual({ up: ['230 slow', '230 behind it'], down: ['240 re: slow', '240 re: behind it'] });
    client.write('quick');
    await world.advance(20);
    expect(seen.down.at(-1)).toBe('450 re: quick');
  });

  it.each([-1, Number.NaN, '1 s', undefined])('rejects %o', async (ms) => {
    const { network } = await connected();
    expect(() => network.delay(ms as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

describe('drop', () => {
  it('loses the next frames of a connection that lives on', async () => {
    const { world, client, seen, network } = await connected();
    network.drop(2);
    for (const message of ['a', 'b', 'c']) client.write(message);
    await world.advance(1);
    expect([seen.down, client.state.name]).toEqual([['0 re: c'], 'open']);
  });

  it('selects frames, and leaves no bytes in the buffer of the sender', async () => {
    const { world, client, seen, network } = await connected();
    network.drop(1, (frame, from) => from === 'server' && String(frame).includes('a'));
    network.drop(1, (frame, from) => from === 'client' && frame === '"b"');
    for (const message of ['a', 'b', 'c']) client.write(message);
    await world.advance(1);
    expect([seen.up, seen.down]).toEqual([['0 a', '0 c'], ['0 re: c']]);
    world.server.forEach((spark) => void expect(spark.connection.link?.bufferedAmount).toBe(0));
  });

  it('of all frames ends when the network is healed', async () => {
    const { world, client, seen, network } = await connected();
    network.drop(Number.POSITIVE_INFINITY);
    client.write('a');
    network.heal();
    client.write('b');
    await world.advance(1);
    expect(seen.up).toEqual(['0 b']);
  });

  it.each([0, -1, Number.NaN, '2'])('rejects %o', async (frames) => {
    const { network } = await connected();
    expect(() => network.drop(frames as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

describe('offline', () => {
  it('is reported by the platform of each client until it is online, or the network healed', async () => {
    const { world, client, network } = await connected();
    const events: string[] = [];
    client.on('offline', () => events.push('offline'));
    client.on('online', () => events.push('online'));
    network.offline();
    await world.advance(10_000);
    expect([client.online, client.state.name]).toEqual([false, 'waiting']);
    network.online();
    await world.advance(1_000);
    expect([client.online, client.state.name]).toEqual([true, 'open']);
    network.offline();
    network.heal();
    await world.advance(1_000);
    expect([client.state.name, events]).toEqual(['open', ['offline', 'online', 'offline', 'online']]);
  });
});

describe('any sequence of faults', () => {
  it('loses nothing of a session without a gap, and leaves no timer', async () => {
    const world = createTestWorld({ server: { resume: true, pingInterval: 1_000 }, latency: 5, client: { resume: true } });
    const received: unknown[] = [];
    world.server.on('connection', (spark) => spark.on('data', (message) => received.push(message)));
    const client = world.client({ reconnect: { max: 1_000, retries: Number.POSITIVE_INFINITY, 'reconnect timeout': 1_000 } });
    const outcomes: string[] = [];
    client.resume$.subscribe(({ type }) => outcomes.push(type));
    let written = 0;
    const write = () => void client.write(written++);
    await world.play('w c 1s w h 5s w (oh) 1s w 4s s w h 3s w f w 1s n w 5s o w 3s h w 20s |', {
      w: write,
      s: () => world.network.delay(90),
    });
    expect(received).toEqual(Array.from({ length: written }, (_, n) => n));
    expect(outcomes[0]).toBe('fresh');
    expect(new Set(outcomes.slice(1))).toEqual(new Set(['resumed']));
    expect(outcomes.length).toBeGreaterThan(3);
    await destroyed(world);
  });
});
