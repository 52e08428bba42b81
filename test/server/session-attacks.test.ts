import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Link } from '../../src/core/link.js';
import { Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { Sessions } from '../../src/server/sessions/sessions.js';
import { slowParser } from '../support/slow-parser.js';
import { World } from '../support/world.js';

/** A client of its own kind, that sends what it likes. */
class Raw {
  readonly frames: string[] = [];
  link: Link | undefined;
  ended = false;
  private readonly world: World;

  constructor(world: World, asked: 0 | 1, user = '') {
    this.world = world;
    world.network.dial({
      url: `http://world/primus?_primus_session=${asked}`,
      headers: { user },
      maxLength: 1_000_000,
      accepted: (link) => {
        this.link = link;
        link.subscribe({
          next: (frame) => this.frames.push(JSON.parse(String(frame))),
          complete: () => {
            this.ended = true;
          },
          error: () => {
            this.ended = true;
          },
        });
      },
      rejected: () => {
        this.ended = true;
      },
    });
  }

  /** Sends a message or a control message, and waits for answers. */
  async send(...messages: unknown[]): Promise<void> {
    for (const message of messages) this.link?.send(JSON.stringify(message));
    await this.world.pass(10);
  }

  /** The parts of the last control message that was received. */
  get token(): string {
    const word = this.frames.filter((frame) => /::(session|resumed|gap)::/.test(frame)).at(-1) ?? '';
    return word.split('.').at(word.includes('resumed') ? 1 : -1) ?? '';
  }
}

const identity = ({ headers }: IncomingMessage) => `${headers.user}`;

async function worldWith(resume: ServerOptions['resume'] = true, server: ServerOptions = {}): Promise<World> {
  const world = new World({ latency: 1, server: { resume, pingInterval: false, ...server } });
  onTestFinished(() => world.destroy());
  return world;
}

/** A world whose parser decodes 5 ms later. */
async function worldWithSlowDecoder(): Promise<World> {
  const { decoder } = slowParser(5, (run, ms) => world.clock.schedule(run, ms));
  const world: World = await worldWith(true, { parser: { encoder: (data, done) => done(null, JSON.stringify(data)), decoder } });
  return world;
}

/** A raw client with a session, and its spark. */
async function begin(world: World, user = ''): Promise<{ raw: Raw; spark: Spark; up: unknown[] }> {
  let spark: Spark | undefined;
  world.primus.once('connection', (connected: Spark) => {
    spark = connected;
  });
  const raw = new Raw(world, 0, user);
  await world.pass(10);
  const up: unknown[] = [];
  (spark as unknown as Spark).on('data', (data) => up.push(data));
  return { raw, spark: spark as unknown as Spark, up };
}

async function resume(world: World, token: string, counts = '0.0.0', user = ''): Promise<Raw> {
  const raw = new Raw(world, 1, user);
  await world.pass(10);
  await raw.send(`primus::resume::${token}.${counts}`);
  return raw;
}

describe('the sessions of a server', () => {
  it('give a thief with a stolen token and another identity nothing, and the owner notices nothing', async () => {
    const world = await worldWith({ identity });
    const { raw, spark } = await begin(world, 'ada');
    spark.write('secret');
    await world.pass(10);
    const changes: unknown[] = [];
    spark.resume$.subscribe((change) => changes.push(change));
    const thief = await resume(world, raw.token, '0.0.0', 'mallory');
    expect(thief.frames.slice(0, 2)).toEqual(['primus::server::resume?', expect.stringMatching(/^primus::server::gap::identity\./)]);
    expect(thief.frames).not.toContain('secret');
    expect(spark.readyState).toBe(3);
    expect(spark.away).toBe(false);
    expect(raw.ended).toBe(false);
    spark.write('still here');
    await world.pass(10);
    expect(raw.frames).toContain('still here');
    expect(thief.frames).not.toContain('still here');
    expect(changes).toEqual([]);
    // While the owner is away, too.
    world.network.cut();
    const again = await resume(world, raw.token, '0.0.0', 'mallory');
    expect(again.frames[1]).toMatch(/gap::identity/);
    expect(spark.away).toBe(true);
    const owner = await resume(world, raw.token, '1.0.0', 'ada');
    expect(owner.frames.slice(1)).toEqual([expect.stringMatching(/^primus::server::resumed::0\./), 'still here']);
  });

  it('reject an identity whose function throws', async () => {
    let fails = false;
    const world = await worldWith({
      identity: () => {
        if (fails) throw new Error('The database is down');
        return 'ada';
      },
    });
    const logged: unknown[] = [];
    world.primus.on('log', (_level, error) => logged.push(error));
    const { raw, spark } = await begin(world);
    fails = true;
    const other = await resume(world, raw.token);
    expect(other.frames[1]).toMatch(/gap::identity/);
    expect(logged).toMatchObject([{ message: 'The database is down' }, { message: 'The database is down' }]);
    expect(spark.readyState).toBe(3);
    // A session without an identity is never resumed.
    expect((await resume(world, other.token)).frames[1]).toMatch(/gap::identity/);
  });

  it('let one of two links resume that come at once, and read only that', async () => {
    const world = await worldWith();
    const { raw, spark, up } = await begin(world);
    world.network.cut();
    const first = new Raw(world, 1);
    const second = new Raw(world, 1);
    await world.pass(10);
    first.link?.send(JSON.stringify(`primus::resume::${raw.token}.0.0.0`));
    second.link?.send(JSON.stringify(`primus::resume::${raw.token}.0.0.0`));
    await world.pass(10);
    await second.send('primus::ack::0', 'from the second');
    await first.send('from the first');
    expect(up).toEqual(['from the second']);
    expect(first.ended).toBe(true);
    spark.write('hello');
    await world.pass(10);
    expect(second.frames).toContain('hello');
    expect(first.frames).not.toContain('hello');
    expect(world.primus.connected).toBe(1);
  });

  it('do not hear an old link that wakes up after the new one', async () => {
    const world = await worldWith();
    const { raw, spark, up } = await begin(world);
    const old = new Raw(world, 1);
    await world.pass(10);
    world.network.breakPair(world.network.pairs[0] as never, 'client');
    const live = await resume(world, raw.token);
    await live.send('primus::ack::0');
    // Its token has been overtaken, as the client of the new link has proven to have the next one.
    await old.send(`primus::resume::${raw.token}.0.0.0`);
    expect(old.frames[1]).toMatch(/gap::taken/);
    expect(live.ended).toBe(false);
    await live.send('live');
    expect(up).toEqual(['live']);
    expect(spark.away).toBe(false);
  });

  it('keep a token good until the client has proven to have the next one', async () => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    world.network.cut();
    const first = await resume(world, raw.token);
    // The answer is lost.
    world.network.cut();
    const second = await resume(world, raw.token);
    expect(second.token).toBe(first.token);
    expect(second.token).not.toBe(raw.token);
    world.network.cut();
    const third = await resume(world, second.token);
    expect(third.frames[1]).toMatch(/resumed/);
    expect((await resume(world, raw.token)).frames[1]).toMatch(/gap::taken/);
    expect(spark.away).toBe(false);
  });

  it.each(['99.0.0', '0.0.0'])('end a session for counts that are not its own: %s', async (counts) => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    await raw.send('one');
    world.network.cut();
    const other = await resume(world, raw.token, counts);
    expect(other.frames[1]).toMatch(/gap::epoch/);
    expect(spark.readyState).toBe(2);
  });

  it.each(['1', '-1', '1e21', 'x', '9999999999999999'])(
    'end the connection of a client that acknowledges %s of no messages',
    async (count) => {
      const world = await worldWith();
      const { raw, spark } = await begin(world);
      await raw.send(`primus::ack::${count}`);
      expect(spark.readyState).toBe(2);
      expect((await resume(world, raw.token)).frames[1]).toMatch(/gap::expired/);
    },
  );

  it('end a session that is resumed again and again for longer than the window, and whose client receives nothing', async () => {
    const world = await worldWith({ window: 1_000 });
    const { raw, spark } = await begin(world);
    const changes: unknown[] = [];
    spark.resume$.subscribe((change) => changes.push(change));
    spark.write('poison');
    world.network.cut();
    let { token } = raw;
    let attempts = 0;
    const start = world.clock.now();
    for (; spark.readyState === 3 && attempts < 1_000; attempts++) {
      const other = await resume(world, token);
      if (spark.readyState === 3) await other.send('primus::ack::0');
      ({ token } = other);
      world.network.cut();
    }
    expect(attempts).toBeGreaterThan(30);
    expect(world.clock.now() - start).toBeGreaterThan(1_000);
    expect(changes.at(-1)).toEqual({ type: 'gap', reason: 'stuck', unconfirmed: 1 });
  });

  it('keep a session that is resumed again and again, as long as something arrives now and then', async () => {
    const world = await worldWith({ window: 1_000 });
    const { raw, spark } = await begin(world);
    for (let count = 0; count < 5; count++) spark.write(count);
    let { token } = raw;
    for (let attempts = 0; attempts < 100; attempts++) {
      const received = Math.floor(attempts / 20);
      const other = await resume(world, token, `${received}.0.0`);
      expect(other.frames[1]).toMatch(/resumed/);
      await other.send(`primus::ack::${received}`);
      ({ token } = other);
      world.network.cut();
    }
    expect(spark.readyState).toBe(3);
  });

  it('let a client resume that names the messages it has received only', async () => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    spark.write('one');
    spark.write('two');
    world.network.cut();
    const other = new Raw(world, 1);
    await world.pass(10);
    await other.send(`primus::resume::${raw.token}.1`);
    expect(other.frames.slice(1)).toEqual([expect.stringMatching(/^primus::server::resumed::0\.[\w-]+\.1$/), 'two']);
  });

  it('end soon when their client has not shown that it knows them', async () => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    const proven = await begin(world);
    await proven.raw.send('primus::ack::0');
    spark.write('lost');
    const changes: unknown[] = [];
    spark.resume$.subscribe((change) => changes.push(change));
    world.network.cut();
    await world.pass(4_900);
    expect([spark.away, proven.spark.away]).toEqual([true, true]);
    await world.pass(200);
    expect([spark.readyState, proven.spark.readyState]).toEqual([2, 3]);
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    expect((await resume(world, raw.token)).frames[1]).toMatch(/gap::expired/);
  });

  it('tell the client why its session ended while it was away', async () => {
    const world = await worldWith({ ring: 1_000 });
    const { raw, spark } = await begin(world);
    world.network.cut();
    for (let count = 0; count < 20; count++) spark.write('x'.repeat(100));
    expect(spark.readyState).toBe(2);
    expect((await resume(world, raw.token)).frames[1]).toMatch(/gap::overflow/);
    expect((await resume(world, 'unknown')).frames[1]).toMatch(/gap::expired/);
  });

  it('forget links that do not name their session, or say something else', async () => {
    const world = await worldWith(true, { handshakeTimeout: 1_000 });
    const silent = new Raw(world, 1);
    const chatty = new Raw(world, 1);
    const hasty = new Raw(world, 1);
    await world.pass(10);
    await chatty.send('a message');
    await hasty.send(...Array.from({ length: 9 }, () => 'primus::id::'));
    expect(chatty.ended).toBe(true);
    expect(hasty.ended).toBe(true);
    expect(silent.ended).toBe(false);
    await world.pass(1_000);
    expect(silent.ended).toBe(true);
    expect(world.primus.connected).toBe(0);
    expect(world.network.alive).toBe(0);
  });

  it.each([Infinity, '30 d', 2 ** 31])('survive with a window of %s', async (window) => {
    const world = await worldWith({ window }, { handshakeTimeout: window });
    const { raw, spark } = await begin(world);
    await raw.send('known');
    const schedule = vi.spyOn(world.clock, 'schedule');
    world.network.cut();
    await world.pass(1_000);
    expect(spark.away).toBe(true);
    expect((await resume(world, raw.token, '0.0.1')).frames[1]).toMatch(/resumed/);
    // Node.js calls the timer at once for any longer time.
    expect(Math.max(...schedule.mock.calls.map(([, delay = 0]) => delay))).toBeLessThan(2 ** 31);
  });

  it('keep within the budget: the session that has been away for the longest time ends first', async () => {
    const world = await worldWith({ budget: 22_400 });
    const joined = [await begin(world), await begin(world), await begin(world)];
    world.network.cut();
    const changes: unknown[] = [];
    for (const { spark } of joined) spark.resume$.subscribe((change) => changes.push(change));
    for (const { spark } of joined) spark.write('x'.repeat(1_000));
    expect(joined.map(({ spark }) => spark.readyState)).toEqual([3, 3, 3]);
    joined[2]?.spark.write('x'.repeat(2_000));
    expect(joined.map(({ spark }) => spark.readyState)).toEqual([2, 3, 3]);
    expect(changes).toEqual([{ type: 'gap', reason: 'budget', unconfirmed: 1 }]);
  });

  it('count the bytes of messages that are no ASCII for the ring and the budget', async () => {
    const world = await worldWith({ ring: 1_000, budget: 14_000 });
    const first = await begin(world);
    const second = await begin(world);
    world.network.cut();
    // 302 characters, of which 300 have three bytes each.
    first.spark.write('€'.repeat(300));
    expect(first.spark.readyState).toBe(3);
    expect(first.spark.connection.session?.ledger.bytes).toBe(934);
    // Two sessions without a connection and their headers, and both messages, are more than the budget.
    second.spark.write('€'.repeat(300));
    expect([first.spark.readyState, second.spark.readyState]).toEqual([2, 3]);
    second.spark.write('€'.repeat(30));
    expect(second.spark.readyState).toBe(2);
  });

  it('measure the messages of connections before a session ends for the budget', async () => {
    const world = await worldWith({ budget: 10_000 });
    const away = await begin(world);
    world.network.cut();
    const open = await begin(world);
    // Three bytes each are more than the budget, one is not.
    for (let count = 0; count < 2; count++) open.spark.write('x'.repeat(1_000));
    expect([away.spark.readyState, away.spark.away]).toEqual([3, true]);
    for (let count = 0; count < 2; count++) open.spark.write('x'.repeat(1_000));
    expect([away.spark.readyState, open.spark.readyState]).toEqual([2, 3]);
    expect(open.spark.connection.session?.ledger.isExact).toBe(true);
    // Nothing is measured, and nothing ends, as long as the most that they may have is less.
    await open.raw.send('primus::ack::4');
    open.spark.write('x'.repeat(1_000));
    expect(open.spark.connection.session?.ledger).toMatchObject({ isExact: false, bytes: 3 * 1_002 + 32 });
  });

  it('end the session of a slow consumer, when more is written behind what it has missed than the ring holds', async () => {
    const world = await worldWith({ ring: 20_000 }, { maxBuffer: 1_000 });
    const { raw, spark } = await begin(world);
    const changes: unknown[] = [];
    spark.resume$.subscribe((change) => changes.push(change));
    world.network.cut();
    for (let count = 0; count < 18; count++) spark.write('x'.repeat(1_000));
    const back = new Raw(world, 1);
    await world.pass(10);
    back.link?.pause?.();
    back.link?.send(JSON.stringify(`primus::resume::${raw.token}.0.0.0`));
    await world.pass(10);
    expect(changes).toMatchObject([{ type: 'resumed', resent: 18 }]);
    expect(spark.connection.session?.isCatchingUp).toBe(true);
    for (let count = 0; count < 3; count++) spark.write('x'.repeat(1_000));
    expect(spark.readyState).toBe(2);
    expect(changes.slice(1)).toEqual([{ type: 'gap', reason: 'overflow', unconfirmed: expect.any(Number) }]);
    await world.pass(10);
    expect(world.network.alive).toBe(0);
  });

  it('send all that a client has missed before its spark ends', async () => {
    const world = await worldWith({ ring: 20_000 }, { maxBuffer: 10_000 });
    const { raw, spark } = await begin(world);
    world.network.cut();
    for (let count = 0; count < 8; count++) spark.write('x'.repeat(1_000));
    const back = new Raw(world, 1);
    await world.pass(10);
    back.link?.pause?.();
    back.link?.send(JSON.stringify(`primus::resume::${raw.token}.0.0.0`));
    await world.pass(10);
    expect(spark.connection.session?.isCatchingUp).toBe(true);
    spark.end('last');
    back.link?.resume?.();
    await world.pass(100);
    const messages = back.frames.filter((frame) => !frame.startsWith('primus::'));
    expect(messages).toEqual([...Array.from({ length: 8 }, () => 'x'.repeat(1_000)), 'last']);
    expect(back.frames.at(-1)).toBe('primus::server::close');
  });

  it('count the headers of their request while they are away', async () => {
    const world = await worldWith({ budget: 30_000 });
    const joined = [await begin(world, 'a'.repeat(10_000)), await begin(world, 'b'.repeat(10_000))];
    world.network.cut();
    expect(joined.map(({ spark }) => spark.readyState)).toEqual([2, 3]);
    // Nothing is left of them when they are resumed, or over.
    const [, second] = joined;
    for (let count = 0; count < 3; count++) {
      const back = await resume(world, `${second?.raw.token}`, '0.0.0', 'b'.repeat(count));
      expect(back.frames[1]).toMatch(/resumed/);
      world.network.cut();
    }
    const third = await begin(world, 'c'.repeat(10_000));
    world.network.cut();
    expect([second?.spark.away, third.spark.away]).toEqual([true, true]);
  });

  it('end away sessions of one address that takes more than its share first', async () => {
    const world = await worldWith({ budget: 120_000 }, { trustProxy: '127.0.0.1' });
    const victim = await begin(world);
    Object.assign(victim.spark, { address: { ip: '192.0.2.1', port: 1, secure: false } });
    world.network.cut();
    const flood: Spark[] = [];
    for (let count = 0; count < 40; count++) {
      flood.push((await begin(world)).spark);
      world.network.cut();
    }
    expect(victim.spark.away).toBe(true);
    expect(victim.spark.readyState).toBe(3);
    expect(flood.filter(({ readyState }) => readyState === 3).length).toBeLessThan(20);
  });

  it('take no place among the limits of connections while they are away', async () => {
    const world = await worldWith(true, { maxConnections: 2 });
    const { raw, spark } = await begin(world);
    await begin(world);
    expect((await resume(world, 'x')).ended).toBe(true);
    world.network.cut();
    await world.pass(10);
    const back = await resume(world, raw.token);
    expect(back.frames[1]).toMatch(/resumed/);
    await begin(world);
    expect((await resume(world, 'x')).ended).toBe(true);
    spark.end();
    await world.pass(3_000);
    expect((await resume(world, 'x')).frames[1]).toMatch(/gap::expired/);
  });

  it('drain what a lost link has sent before the answer, also through slow message transformers', async () => {
    const world = await worldWith();
    world.primus.transform('incoming', (_packet: unknown, next: () => void) => {
      world.clock.schedule(() => next(), 50);
    });
    const { raw, up } = await begin(world);
    await raw.send('a', 'b', 'c');
    world.network.cut();
    const back = await resume(world, raw.token, '0.0.3');
    expect(back.frames).toHaveLength(1);
    await world.pass(200);
    expect(up).toEqual(['a', 'b', 'c']);
    expect(back.frames[1]).toMatch(/resumed::3\./);
  });

  it('end with a client that ends while messages before that are being transformed', async () => {
    const world = await worldWith();
    world.primus.transform('incoming', (_packet: unknown, next: () => void) => {
      world.clock.schedule(() => next(), 50);
    });
    const { raw, spark, up } = await begin(world);
    const changes: unknown[] = [];
    spark.resume$.subscribe((change) => changes.push(change));
    await raw.send('a', 'b', 'primus::bye::');
    raw.link?.close();
    await world.pass(20);
    // The link is lost, and the server has not read yet that the client has ended.
    expect(spark.away).toBe(true);
    await world.pass(200);
    expect(up).toEqual(['a', 'b']);
    expect(spark.readyState).toBe(2);
    expect(world.primus.connected).toBe(0);
    expect(changes).toEqual([]);
  });

  it('end with a client that ends, while another link waits for what was received before', async () => {
    const world = await worldWith();
    world.primus.transform('incoming', (_packet: unknown, next: () => void) => {
      world.clock.schedule(() => next(), 50);
    });
    const { raw, spark } = await begin(world);
    await raw.send('a', 'primus::bye::');
    const other = await resume(world, raw.token);
    await world.pass(100);
    expect(spark.readyState).toBe(2);
    expect(other.frames[1]).toMatch(/gap::expired/);
    expect(world.primus.connected).toBe(1);
  });

  it('end although a message transformer never answers', async () => {
    const world = await worldWith({ window: 1_000 }, { pingInterval: 1_000 });
    world.primus.transform('incoming', (_packet: unknown, _next: () => void) => {});
    const { raw, spark } = await begin(world);
    await raw.send('stuck');
    world.network.cut();
    await world.pass(900);
    expect(spark.readyState).toBe(3);
    await world.pass(4_000);
    expect(spark.readyState).toBe(2);
    expect(world.primus.connected).toBe(0);
  });

  it('may be ended by a subscriber that learns that they are away', async () => {
    const world = await worldWith({ budget: 15_000 });
    for (let count = 0; count < 3; count++) {
      const { spark } = await begin(world);
      spark.state$.subscribe((state) => {
        if (state === 'away') spark.end();
      });
      world.network.cut();
      await world.pass(10);
      expect(spark.readyState).toBe(2);
    }
    // They take nothing of the budget any more.
    const { spark } = await begin(world);
    world.network.cut();
    spark.write('x'.repeat(3_000));
    expect(spark.away).toBe(true);
    expect(spark.readyState).toBe(3);
  });

  it('forget a message that was not complete when its link was lost', async () => {
    const world = await worldWith();
    const { spark } = await begin(world);
    spark.connection.incomplete(1_000_000);
    const { memory } = world.primus.host as unknown as { memory: { total: number } };
    expect(memory.total).toBe(1_000_000);
    world.network.cut();
    expect(spark.away).toBe(true);
    expect(memory.total).toBe(0);
  });

  it('terminate a link that sends a long message instead of the name of its session', async () => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    const greedy = new Raw(world, 1);
    await world.pass(10);
    const end = world.network.pairs.at(-1)?.server as unknown as { observer: { incomplete?: (bytes: number) => void } };
    end.observer.incomplete?.(100_000);
    await world.pass(10);
    expect(greedy.ended).toBe(true);
    expect(raw.ended).toBe(false);
    expect(spark.away).toBe(false);
  });

  it('are forgotten when the id of the connection is taken', async () => {
    const world = await worldWith(true, { idGenerator: () => 'same' });
    const { spark } = await begin(world);
    const forget = vi.spyOn(Sessions.prototype, 'forget');
    onTestFinished(() => forget.mockRestore());
    const refused = new Raw(world, 0);
    await world.pass(10);
    expect(refused.ended).toBe(true);
    expect(forget).toHaveBeenCalledTimes(1);
    expect((await resume(world, refused.token)).frames[1]).toMatch(/gap::expired/);
    expect(Object.values(world.primus.connections)).toEqual([spark]);
  });

  it.each([
    ['a promise', () => Promise.reject(new Error('The database is down'))],
    ['an object', () => ({ name: 'ada' })],
    ['null', () => null],
  ])('report an identity that is %s, and do not resume', async (_kind, given) => {
    const rejections: unknown[] = [];
    const listener = (error: unknown) => rejections.push(error);
    process.on('unhandledRejection', listener);
    onTestFinished(() => void process.off('unhandledRejection', listener));
    const world = await worldWith({ identity: given as never });
    const logged: unknown[] = [];
    world.primus.on('log', (_level, error) => logged.push(error));
    const { raw } = await begin(world);
    world.network.cut();
    expect((await resume(world, raw.token)).frames[1]).toMatch(/gap::identity/);
    expect(logged[0]).toMatchObject({
      code: 'ERR_PRIMUS_OPTION',
      message: expect.stringMatching(/^`resume.identity` must be a function that/),
    });
    // Node.js reports a rejection when the microtasks are over.
    await new Promise((resolve) => setImmediate(resolve));
    expect(rejections).toEqual([]);
  });

  it('let streams wait while they are away, and lose nothing', async () => {
    const world = await worldWith({ ring: 10_000 });
    const { raw, spark } = await begin(world);
    const source = new PassThrough({ objectMode: true });
    const stream = spark.duplex();
    onTestFinished(() => void source.destroy());
    source.pipe(stream, { end: false });
    world.network.cut();
    for (let count = 0; count < 50; count++) source.write(`${count}`.padEnd(1_000));
    await world.pass(100);
    expect(spark.away).toBe(true);
    const back = await resume(world, raw.token);
    for (let tries = 0; back.frames.length < 52 && tries < 100; tries++) {
      await back.send(`primus::ack::${back.frames.length - 2}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(back.frames.slice(2).map(Number)).toEqual(Array.from({ length: 50 }, (_, count) => count));
    expect(spark.readyState).toBe(3);
  });

  it('let writers that listen for drain wait while they are away', async () => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    let drains = 0;
    spark.on('drain', () => drains++);
    expect(spark.write(1)).toBe(true);
    world.network.cut();
    expect(spark.write(2)).toBe(false);
    await world.pass(1_000);
    expect(drains).toBe(0);
    const back = await resume(world, raw.token);
    expect(drains).toBe(1);
    expect(spark.write(3)).toBe(true);
    await world.pass(10);
    expect(back.frames.slice(2)).toEqual([1, 2, 3]);
  });

  it('terminate a link that sends more behind the name of its session before that is decoded', async () => {
    const world = await worldWithSlowDecoder();
    const { raw, spark, up } = await begin(world);
    world.network.cut();
    await world.pass(10);
    const hasty = new Raw(world, 1);
    await world.pass(10);
    await hasty.send(`primus::resume::${raw.token}.0.0.2`, 'one');
    await hasty.send('two');
    expect(hasty.ended).toBe(true);
    expect(spark.away).toBe(true);
    // Either message would be out of order without the other.
    const back = await resume(world, raw.token, '0.0.2');
    expect(back.frames[1]).toMatch(/resumed::0\./);
    await back.send('one', 'two');
    await world.pass(10);
    expect(up).toEqual(['one', 'two']);
  });

  it('do not count what the application injects, whatever it is, also with an asynchronous parser', async () => {
    const world = await worldWithSlowDecoder();
    const { raw, spark, up } = await begin(world);
    spark.emit('incoming::data', JSON.stringify('primus::pong::1'));
    raw.link?.send(JSON.stringify('one'));
    await world.pass(1);
    spark.emit('incoming::data', JSON.stringify('injected'));
    await raw.send('two');
    await world.pass(50);
    expect(up).toEqual(['one', 'injected', 'two']);
    world.network.cut();
    expect((await resume(world, raw.token, '0.0.2')).frames[1]).toMatch(/resumed::2\./);
  });

  it('stay away when the link ends as the answer is sent', async () => {
    const world = await worldWith();
    const { raw, spark } = await begin(world);
    world.network.cut();
    const other = new Raw(world, 1);
    await world.pass(10);
    const pair = world.network.pairs.at(-1) as NonNullable<(typeof world.network.pairs)[0]>;
    pair.server.send = () => world.network.breakPair(pair);
    await other.send(`primus::resume::${raw.token}.0.0.0`);
    expect(other.ended).toBe(true);
    expect(spark.away).toBe(true);
  });

  it('say nothing to a client that has not asked', async () => {
    const world = await worldWith();
    const frames: string[] = [];
    world.primus.on('connection', (spark: Spark) => spark.write('hello'));
    world.network.dial({
      url: 'http://world/primus',
      maxLength: 1_000,
      accepted: (link) => link.subscribe({ next: (frame) => frames.push(String(frame)) }),
      rejected: () => {},
    });
    await world.pass(10);
    for (const spark of Object.values(world.primus.connections)) {
      expect(spark?.connection.session).toBeUndefined();
      for (let count = 0; count < 100; count++) spark?.connection.next('1');
    }
    await world.pass(5_000);
    expect(frames).toEqual(['"hello"']);
  });
});

describe('the option resume', () => {
  it('requires an identity on a server that authorizes requests', () => {
    const authorization = (_request: unknown, done: () => void) => done();
    expect(() => new Primus(createServer(), { resume: true, authorization })).toThrow(/`resume.identity` must be a function/);
    const primus = new Primus(createServer(), { resume: true });
    expect(() => primus.authorize(authorization)).toThrow(/`resume.identity`/);
    for (const given of [identity, false] as const)
      expect(() => new Primus(createServer(), { resume: { identity: given }, authorization })).not.toThrow();
    expect(() => new Primus(createServer(), { resume: false, authorization })).not.toThrow();
  });

  it.each([
    [1, /`resume` must be true, false or an object/],
    ['yes', /`resume` must be true, false or an object/],
    [{ ring: 0 }, /`resume.ring` must be a positive number/],
    [{ budget: '1 MB' }, /`resume.budget` must be a positive number/],
    [{ window: 'soon' }, /`resume.window` must be a time/],
    [{ identity: 'name' }, /`resume.identity` must be a function/],
  ])('rejects %j', (resume, message) => {
    expect(() => new Primus(createServer(), { resume: resume as never })).toThrow(message);
  });
});
