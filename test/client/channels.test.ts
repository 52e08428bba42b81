import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { resumable } from '../../client/resume.js';
import { channels, type Recovery } from '../../src/channels.js';
import type { ClientOptions, PrimusError, Spark } from '../../src/index.js';
import { ChannelServer, type ChannelServerOptions } from '../support/channel-server.js';
import { slowParser } from '../support/slow-parser.js';
import { World, type WorldOptions } from '../support/world.js';

interface Setting extends ChannelServerOptions {
  world?: WorldOptions;
  client?: ClientOptions;
  /** Whether the client, and the server, have sessions. */
  session?: boolean;
  /** Whether the server has channels. Default true. */
  hasChannels?: boolean;
}

/** A server with channels, and a client. */
function start({ world: options = {}, client: clientOptions = {}, session = false, hasChannels = true, ...channelOptions }: Setting = {}) {
  const server = { pingInterval: false, ...(session && { resume: true }), ...options.server } as const;
  const world = new World({ latency: 1, ...options, server });
  onTestFinished(() => world.destroy());
  const double = new ChannelServer({ scheduler: world.clock, ...channelOptions });
  if (hasChannels) double.attach(world.primus);
  const peer = world.connect(
    { reconnect: { min: 20, max: 20, retries: Infinity }, ...clientOptions },
    session ? { session: resumable } : {},
  );
  const { client } = peer;
  const errors: PrimusError[] = [];
  client.on('error', (error) => errors.push(error as PrimusError));
  return { world, double, peer, client, errors, channels: channels(client) };
}

type Started = ReturnType<typeof start>;

/** Records what the streams of a channel emit, in order. */
function record(started: Started, name = 'news', options = {}) {
  const channel = started.channels.channel<unknown>(name, options);
  const log: unknown[] = [];
  channel.recovery$.subscribe((recovery) => log.push(show(recovery)));
  const subscription = channel.data$.subscribe({ next: (data) => log.push(data), complete: () => log.push('complete') });
  return { channel, log, subscription };
}

function show(recovery: Recovery): string {
  if (recovery.type === 'gap') return `gap: ${recovery.reason}`;
  return recovery.type === 'recovered' ? `recovered ${recovery.count}` : recovery.type;
}

/** The latest requests, each without its prefix. */
function requestsOf({ double }: Started): string[] {
  return double.requests
    .splice(0)
    .map(([type, ...rest]) => [type.slice('primus::'.length), ...rest.filter((part) => part !== null)].map(print).join(' '));
}

function print(part: unknown): string {
  return typeof part === 'string' ? part : JSON.stringify(part);
}

const ALONE = '{"presence":false}';

/** Loses the connection, and waits for the next one. */
async function reconnect({ world }: Started, meanwhile = () => {}): Promise<void> {
  world.network.cut();
  await world.pass(2);
  meanwhile();
  await world.pass(40);
}

describe('channels()', () => {
  it('returns the same object for a client, and the same channel for a name', () => {
    const { client, channels: known } = start();
    expect(channels(client)).toBe(known);
    expect(known.channel('news')).toBe(known.channel('news', { since: 'head' }));
    expect(known.channel('news')).not.toBe(known.channel('other'));
    expect(known.channel('news').name).toBe('news');
  });

  it('adds nothing to the client but a message transformer, the first one', () => {
    const world = new World();
    onTestFinished(() => world.destroy());
    const { client } = world.connect();
    client.transform('incoming', () => true);
    const names = Reflect.ownKeys(client);
    channels(client).channel('news').data$.subscribe();
    expect(Reflect.ownKeys(client)).toEqual(names);
    expect([client.transformers.incoming.length, client.transformers.outgoing.length]).toEqual([2, 0]);
  });

  it.each([undefined, null, 1, '', 'x'.repeat(513), 'ü'.repeat(257), {}, Symbol('x')])('rejects the name %s', (name) => {
    const { channels } = start();
    expect(() => channels.channel(name as string)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_CHANNEL', name: 'PrimusError' }));
  });

  it.each(['x'.repeat(512), 'ü'.repeat(256), ' ', '__proto__', 'primus::ping::1'])('takes the name %s', async (name) => {
    const started = start();
    const { log } = record(started, name);
    await started.world.pass(10);
    started.double.publish(name, 1);
    await started.world.pass(10);
    expect(log).toEqual(['live', 1]);
  });

  it.each([{ since: 'tail' }, { since: 1 }, { presence: 'yes' }, null, 'head', []])('rejects the options %j', (options) => {
    const { channels } = start();
    expect(() => channels.channel('news', options as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('rejects what is no client', async () => {
    const { world, peer } = start();
    await world.pass(10);
    for (const wrong of [undefined, null, {}, world.primus, world.findSpark(peer)])
      expect(() => channels(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

describe('a channel', () => {
  it('is joined by its first subscriber and left by its last one', async () => {
    const started = start();
    const { world, channels } = started;
    const news = channels.channel('news');
    news.recovery$.subscribe();
    await world.pass(10);
    expect(requestsOf(started)).toEqual([]);
    const first = news.data$.subscribe();
    const second = news.data$.subscribe();
    const third = news.presence$.subscribe();
    await world.pass(10);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`]);
    first.unsubscribe();
    second.unsubscribe();
    await world.pass(10);
    expect(requestsOf(started)).toEqual([]);
    third.unsubscribe();
    await world.pass(10);
    expect(requestsOf(started)).toEqual(['unsubscribe news']);
    news.data$.subscribe();
    await world.pass(10);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`]);
    expect(started.double.replaced).toBe(0);
  });

  it('asks nothing while there is no connection', async () => {
    const started = start({ client: { manual: true } });
    const { channel } = record(started);
    channel.data$.subscribe().unsubscribe();
    started.channels.channel('other').data$.subscribe().unsubscribe();
    expect(started.client.buffer).toEqual([]);
    started.client.open();
    await started.world.pass(10);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`]);
  });

  it('emits its messages to its subscribers only', async () => {
    const started = start();
    const { world, double, client, channels } = started;
    const seen: unknown[] = [];
    client.on('data', (data) => seen.push(['data', data]));
    client.transform('incoming', ({ data }) => void seen.push(['transformer', data]));
    client.transform('outgoing', ({ data }) => void seen.push(['outgoing', data]));
    const { log } = record(started);
    const again: unknown[] = [];
    channels.channel('news').data$.subscribe((data) => again.push(data));
    channels.channel('other').data$.subscribe(() => seen.push('other'));
    await world.pass(10);
    for (const data of [1, null, { title: 'x' }, [2], '']) double.publish('news', data);
    await world.pass(10);
    expect(again).toEqual([1, null, { title: 'x' }, [2], '']);
    expect(log).toEqual(['live', ...again]);
    expect(seen).toEqual([]);
  });

  it('is restored after a lost connection, before what was queued', async () => {
    const started = start();
    const { world, client, double } = started;
    client.on('open', () => client.write('login'));
    channels(client);
    const { channel } = record(started);
    await world.pass(10);
    double.received.length = 0;
    await reconnect(started, () => {
      client.write('queued');
      channel.publish('published');
    });
    expect(double.received).toEqual([
      ['primus::subscribe', 'news', 'head', { presence: false }],
      'login',
      'queued',
      ['primus::publish', 'news', 'published'],
    ]);
  });

  it('subscribes behind what earlier listeners of `open` write', async () => {
    const world = new World();
    onTestFinished(() => world.destroy());
    const double = new ChannelServer().attach(world.primus);
    const { client } = world.connect();
    client.on('open', () => client.write('login'));
    channels(client).channel('news').data$.subscribe();
    await world.pass(10);
    expect(double.received).toEqual(['login', ['primus::subscribe', 'news', null, { presence: false }]]);
  });

  it.each(['while it is open', 'in a listener of `open`', 'in a listener of `reconnected`'])(
    'subscribes when it is created %s',
    async (when) => {
      const world = new World();
      onTestFinished(() => world.destroy());
      const double = new ChannelServer().attach(world.primus);
      const { client } = world.connect({ reconnect: { min: 20, max: 20 } });
      const data: unknown[] = [];
      const join = () =>
        channels(client)
          .channel('news')
          .data$.subscribe((value) => data.push(value));
      if (when.includes('`open`')) client.once('open', join);
      else if (when.includes('reconnected')) client.once('reconnected', join);
      await world.pass(10);
      if (when.includes('while')) join();
      if (when.includes('reconnected')) world.network.cut();
      await world.pass(50);
      double.publish('news', 1);
      await world.pass(10);
      expect(double.requests.map(([type]) => type)).toEqual(['primus::subscribe']);
      expect(data).toEqual([1]);
    },
  );

  it('drops the messages of a subscription that was ended', async () => {
    const started = start({ world: { latency: 5 } });
    const { world, double } = started;
    const { channel, subscription, log } = record(started);
    await world.pass(30);
    double.publish('news', 'late');
    subscription.unsubscribe();
    channel.data$.subscribe((data) => log.push(['again', data]));
    await world.pass(30);
    double.publish('news', 'new');
    await world.pass(30);
    expect(log).toEqual(['live', 'live', ['again', 'new']]);
  });

  it('keeps a subscriber that throws from harming others', async () => {
    const started = start();
    const { world, double, channels, errors } = started;
    channels.channel('news').data$.subscribe(() => {
      throw new Error('broken');
    });
    const { log } = record(started);
    await world.pass(10);
    double.publish('news', 1);
    double.publish('news', 2);
    await world.pass(10);
    expect(log).toEqual(['live', 1, 2]);
    expect(errors.map(({ message }) => message)).toEqual(['broken', 'broken']);
    expect(started.client.state.name).toBe('open');
  });

  it('completes when the client is destroyed, also for late subscribers', async () => {
    const started = start();
    const { world, client } = started;
    const { channel, log } = record(started);
    await world.pass(10);
    client.destroy();
    expect(log).toEqual(['live', 'complete']);
    for (const stream of [channel.data$, channel.recovery$, channel.presence$]) {
      const complete = vi.fn();
      stream.subscribe({ complete });
      expect(complete).toHaveBeenCalledOnce();
    }
    expect(channel.publish(1)).toBe(false);
    await world.pass(100);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`]);
  });

  it('goes on when a client that has ended is opened again', async () => {
    const started = start();
    const { world, client, double } = started;
    const { log } = record(started);
    await world.pass(10);
    client.end();
    await world.pass(10);
    client.open();
    await world.pass(10);
    double.publish('news', 1);
    await world.pass(10);
    expect(log).toEqual(['live', 'gap: no history', 1]);
  });

  it('keeps its order with a parser that answers late', async () => {
    const parser = slowParser(3, (run, ms) => started.world.clock.schedule(run, ms));
    const started = start({ history: 10, world: { server: { parser } } });
    const { log, channel } = record(started);
    await started.world.pass(40);
    for (const n of [1, 2, 3]) channel.publish(n);
    await started.world.pass(40);
    await reconnect(started, () => started.double.publish('news', 4));
    await started.world.pass(100);
    expect(log).toEqual(['recovered 0', 'live', 1, 2, 3, 'recovered 1', 4, 'live']);
  });
});

describe('the history of a channel', () => {
  it('gives the first subscriber what is kept, or with `since` what is new', async () => {
    const started = start({ history: 2 });
    for (const n of [1, 2, 3]) started.double.publish('news', n);
    const all = record(started);
    await started.world.pass(10);
    all.subscription.unsubscribe();
    started.double.publish('news', 4);
    all.channel.data$.subscribe((data) => all.log.push(data));
    await started.world.pass(10);
    // A subscription that was ended is not gone on with.
    expect(all.log).toEqual(['recovered 2', 2, 3, 'live', 'recovered 2', 3, 4, 'live']);
    const { log } = record({ ...started, channels: channels(started.world.connect().client) }, 'news', { since: 'head' });
    await started.world.pass(10);
    started.double.publish('news', 5);
    await started.world.pass(10);
    expect(log).toEqual(['live', 5]);
  });

  it('recovers what was missed, in order and once', async () => {
    const started = start({ history: 10 });
    const { double } = started;
    const { log } = record(started);
    await started.world.pass(10);
    double.publish('news', 1);
    await started.world.pass(10);
    await reconnect(started, () => {
      double.publish('news', 2);
      double.publish('news', 3);
    });
    double.publish('news', 4);
    await reconnect(started);
    expect(log).toEqual(['recovered 0', 'live', 1, 'recovered 2', 2, 3, 'live', 'recovered 1', 4, 'live']);
  });

  it('asks again for what was lost with the connection that should have brought it', async () => {
    const started = start({ history: 10, world: { latency: 5 } });
    const { world, double, peer } = started;
    const { log } = record(started);
    await world.pass(50);
    double.publish('news', 1);
    await world.pass(50);
    // The answer has arrived, and the messages behind it have not.
    const breaking = started.channels.channel('news').recovery$.subscribe((recovery) => {
      const pair = world.network.pairsOf(peer).at(-1);
      if (show(recovery) !== 'recovered 2' || !pair) return;
      breaking.unsubscribe();
      world.network.breakPair(pair);
    });
    await reconnect(started, () => {
      double.publish('news', 2);
      double.publish('news', 3);
    });
    await world.pass(100);
    expect(log).toEqual(['recovered 0', 'live', 1, 'recovered 2', 'recovered 2', 2, 3, 'live']);
  });

  it('emits a gap when it does not reach back, and goes on with what is kept', async () => {
    const started = start({ history: 2 });
    const { double } = started;
    const { log } = record(started);
    await started.world.pass(10);
    await reconnect(started, () => {
      for (const n of [1, 2, 3]) double.publish('news', n);
    });
    await reconnect(started, () => double.publish('news', 4));
    expect(log).toEqual(['recovered 0', 'live', 'gap: trimmed', 2, 3, 'recovered 1', 4, 'live']);
  });

  it('emits a gap when it is another one, whose offsets begin anew', async () => {
    const started = start({ history: 10 });
    const { double } = started;
    const { log } = record(started);
    await started.world.pass(10);
    for (const n of [1, 2, 3]) double.publish('news', n);
    await started.world.pass(10);
    await reconnect(started, () => {
      double.flush('news');
      double.publish('news', 'a');
    });
    double.publish('news', 'b');
    await reconnect(started, () => double.publish('news', 'c'));
    expect(log).toEqual(['recovered 0', 'live', 1, 2, 3, 'gap: epoch', 'a', 'recovered 2', 'b', 'c', 'live']);
  });

  it('emits the gaps that the server reports while the channel is live', async () => {
    const started = start({ history: 10 });
    const { log } = record(started);
    await started.world.pass(10);
    started.double.say('news', 'primus::gap', 'engine', null);
    started.double.say('news', 'primus::gap', 'epoch', ['other', 7]);
    started.double.say('news', 'primus::message', 'x', 8);
    await started.world.pass(10);
    started.double.requests.length = 0;
    await reconnect(started);
    expect(log.slice(0, 5)).toEqual(['recovered 0', 'live', 'gap: engine', 'gap: epoch', 'x']);
    expect(started.double.requests).toEqual([['primus::subscribe', 'news', ['other', 8], { presence: false }]]);
  });

  it('drops a message that was seen already, and takes holes', async () => {
    const started = start({ history: 10 });
    const { log } = record(started);
    await started.world.pass(10);
    for (const offset of [3, 3, 2, 7, 7, 8]) started.double.say('news', 'primus::message', offset, offset);
    await started.world.pass(10);
    expect(log).toEqual(['recovered 0', 'live', 3, 7, 8]);
  });

  it('is missing: each lost connection is a gap', async () => {
    const started = start();
    const { log } = record(started);
    await started.world.pass(10);
    await reconnect(started, () => started.double.publish('news', 1));
    started.double.publish('news', 2);
    await started.world.pass(10);
    await reconnect(started);
    expect(log).toEqual(['live', 'gap: no history', 2, 'gap: no history']);
  });

  it('replays the latest outcome, until the channel is left', async () => {
    const started = start();
    const { channel, subscription } = record(started);
    const outcomes = () => {
      const log: string[] = [];
      channel.recovery$.subscribe((recovery) => log.push(show(recovery))).unsubscribe();
      return log;
    };
    expect(outcomes()).toEqual([]);
    await started.world.pass(10);
    expect(outcomes()).toEqual(['live']);
    await reconnect(started);
    expect(outcomes()).toEqual(['gap: no history']);
    subscription.unsubscribe();
    expect(outcomes()).toEqual([]);
  });
});

describe('the client of a session', () => {
  it('is still subscribed after its connection was resumed', async () => {
    const started = start({ session: true, history: 10 });
    const { double } = started;
    const { log } = record(started);
    await started.world.pass(10);
    double.publish('news', 1);
    started.world.network.cut();
    double.publish('news', 2);
    await started.world.pass(50);
    double.publish('news', 3);
    await started.world.pass(10);
    expect(log).toEqual(['recovered 0', 'live', 1, 2, 3]);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`]);
  });

  it('says after that what has changed meanwhile', async () => {
    const started = start({ session: true });
    const { world, channels } = started;
    const join = (name: string) => channels.channel(name).data$.subscribe();
    join('kept');
    const leaving = join('left');
    const rejoining = join('both');
    const twice = join('twice');
    await world.pass(10);
    requestsOf(started);
    await reconnect(started, () => {
      leaving.unsubscribe();
      rejoining.unsubscribe();
      twice.unsubscribe();
      join('twice').unsubscribe();
      join('both');
      join('joined');
    });
    expect(requestsOf(started)).toEqual(['unsubscribe left', `subscribe both ${ALONE}`, 'unsubscribe twice', `subscribe joined ${ALONE}`]);
    expect(['kept', 'left', 'both', 'twice', 'joined'].map((name) => started.double.membersOf(name).length)).toEqual([1, 0, 1, 0, 1]);
  });

  it('tells the server that it has left, if its first connection is lost at once', async () => {
    const started = start({ session: true });
    await started.world.pass(10);
    const { subscription } = record(started);
    started.world.network.cut();
    subscription.unsubscribe();
    await started.world.pass(50);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`, 'unsubscribe news']);
    expect(started.double.membersOf('news')).toEqual([]);
  });

  it.each(['ends', 'is gone'])('subscribes again when its session %s', async (how) => {
    const started = start({ session: true, history: 10 });
    const { world, peer, double } = started;
    const { log } = record(started);
    await world.pass(10);
    double.publish('news', 1);
    await world.pass(10);
    if (how === 'ends') (world.findSpark(peer) as Spark).end(undefined, { reconnect: true });
    else {
      world.network.down = true;
      world.network.cut();
      await world.pass(200_000);
      world.network.down = false;
    }
    double.publish('news', 2);
    await world.pass(1_000);
    expect(log).toEqual(['recovered 0', 'live', 1, 'recovered 1', 2, 'live']);
    expect(double.membersOf('news')).toHaveLength(1);
  });

  it.each([false, true])('learns that the server has no channels, also if the answer was lost: %s', async (isLost) => {
    const started = start({ session: true, hasChannels: false });
    await started.world.pass(10);
    const { log } = record(started);
    if (isLost) started.world.network.cut();
    await started.world.pass(100);
    expect(log).toEqual(['gap: refused']);
    expect(started.errors).toHaveLength(1);
  });
});

describe('a refused channel', () => {
  it('is a gap and an error, and is tried again at the next connection', async () => {
    let reason: string | undefined = 'members only';
    const started = start({ refuse: (channel) => (channel === 'news' ? reason : undefined) });
    const { log, channel } = record(started);
    const other = record(started, 'other');
    await started.world.pass(10);
    expect(log).toEqual(['gap: refused']);
    expect(started.errors).toMatchObject([
      { code: 'ERR_PRIMUS_CHANNEL', message: "The server refuses to subscribe to 'news': members only" },
    ]);
    channel.data$.subscribe();
    await started.world.pass(10);
    expect(requestsOf(started)).toEqual([`subscribe news ${ALONE}`, `subscribe other ${ALONE}`]);
    reason = undefined;
    await reconnect(started);
    started.double.publish('news', 1);
    await started.world.pass(10);
    expect(log).toEqual(['gap: refused', 'live', 1]);
    expect(other.log).toEqual(['live', 'gap: no history']);
    expect(started.errors).toHaveLength(1);
  });

  it('is tried again when its subscribers have left, and at the next connection of a session', async () => {
    const started = start({ refuse: () => 'no', session: true });
    const { channel, subscription } = record(started);
    await started.world.pass(10);
    subscription.unsubscribe();
    channel.data$.subscribe();
    await started.world.pass(10);
    await reconnect(started);
    expect(requestsOf(started)).toEqual(Array(3).fill(`subscribe news ${ALONE}`));
    expect(started.errors).toHaveLength(3);
  });

  it('may be refused later: what is missing then is a gap', async () => {
    const started = start();
    const { log } = record(started);
    await started.world.pass(10);
    started.double.say('news', 'primus::refused', 'subscribe', 'expelled');
    started.double.say('news', 'primus::message', 'no more');
    await started.world.pass(10);
    await reconnect(started);
    expect(log).toEqual(['live', 'gap: refused', 'gap: no history']);
  });

  it('refuses to publish with an error', async () => {
    const started = start({ refuse: () => 'read only' });
    await started.world.pass(10);
    expect(started.channels.channel('news').publish(1)).toBe(true);
    await started.world.pass(10);
    expect(started.errors).toMatchObject([{ code: 'ERR_PRIMUS_CHANNEL', message: "The server refuses to publish to 'news': read only" }]);
  });
});

describe('a server without channels', () => {
  it('is an error and a gap at each connection', async () => {
    const started = start({ hasChannels: false });
    const data: unknown[] = [];
    started.world.primus.on('connection', (spark) => spark.on('data', (value) => data.push(value)));
    const { log } = record(started);
    await started.world.pass(20);
    expect(log).toEqual(['gap: refused']);
    expect(started.errors).toMatchObject([{ code: 'ERR_PRIMUS_CHANNEL', message: expect.stringContaining('the server has no channels') }]);
    // Nothing more is sent to the application there.
    const other = record(started, 'other');
    expect(other.log).toEqual(['gap: refused']);
    await started.world.pass(20);
    expect(data).toEqual([['primus::subscribe', 'news', null, { presence: false }]]);
    await reconnect(started);
    expect(started.errors).toHaveLength(4);
  });

  it('is not taken for one whose engine takes its time', async () => {
    const started = start({ delay: 30_000, client: { pingTimeout: false } });
    const { log } = record(started);
    await started.world.pass(29_000);
    expect([log, started.errors]).toEqual([[], []]);
    await started.world.pass(2_000);
    expect(log).toEqual(['live']);
  });

  it.each([false, true])('is not taken for one that answers the questions of others first, with sessions: %s', async (session) => {
    const world = new World({ latency: 5, server: { resume: session, pingInterval: false } });
    onTestFinished(() => world.destroy());
    const double = new ChannelServer({ delay: 100, scheduler: world.clock }).attach(world.primus);
    const { client } = world.connect({}, session ? { session: resumable } : {});
    const ids: string[] = [];
    const errors: unknown[] = [];
    client.id((id) => ids.push(id));
    client.on('error', (error) => errors.push(error));
    channels(client).channel('news').data$.subscribe();
    await world.pass(500);
    expect(ids).toHaveLength(1);
    expect(errors).toEqual([]);
    expect(double.membersOf('news')).toEqual(ids);
  });
});

describe('presence$', () => {
  it('emits who is subscribed, by the id of the spark', async () => {
    const started = start();
    const { world, channels: mine, client } = started;
    const news = mine.channel('news', { presence: true });
    const seen: string[][] = [];
    news.presence$.subscribe((present) => seen.push([...present.keys()]));
    await world.pass(10);
    const me = await new Promise<string>((resolve) => {
      client.id(resolve);
      void world.pass(10);
    });
    const other = world.connect();
    const joined = channels(other.client).channel('news').data$.subscribe();
    await world.pass(10);
    const { id } = world.findSpark(other) as Spark;
    joined.unsubscribe();
    await world.pass(10);
    expect(seen).toEqual([[me], [me, id], [me]]);
  });

  it('gives the information of the server, replays the latest map, and changes no map', async () => {
    const started = start();
    const { channel } = record(started, 'news', { presence: true });
    await started.world.pass(10);
    started.double.say(
      'news',
      'primus::presence',
      [
        ['a', { name: 'Ada' }],
        ['b', 1],
      ],
      [],
      true,
    );
    await started.world.pass(10);
    const maps: ReadonlyMap<string, unknown>[] = [];
    channel.presence$.subscribe((map) => maps.push(map));
    started.double.say('news', 'primus::presence', [['c', null]], ['a'], false);
    await started.world.pass(10);
    expect(maps.map((map) => [...map])).toEqual([
      [
        ['a', { name: 'Ada' }],
        ['b', 1],
      ],
      [
        ['b', 1],
        ['c', null],
      ],
    ]);
  });

  it('stays as it was while there is no connection, and is forgotten when the channel is left', async () => {
    const started = start();
    const { channel, subscription } = record(started, 'news', { presence: true });
    const sizes = () => {
      const log: number[] = [];
      channel.presence$.subscribe((map) => log.push(map.size)).unsubscribe();
      return log;
    };
    await started.world.pass(10);
    started.world.network.cut();
    await started.world.pass(2);
    expect(sizes()).toEqual([1]);
    await started.world.pass(50);
    expect(sizes()).toEqual([1]);
    subscription.unsubscribe();
    expect(sizes()).toEqual([]);
  });
});

describe('publish()', () => {
  it('sends a message, or queues it until there is a connection', async () => {
    const started = start({ client: { manual: true } });
    const { log, channel } = record(started);
    expect(channel.publish('early')).toBe(true);
    started.client.open();
    await started.world.pass(10);
    expect(channel.publish('now')).toBe(true);
    await started.world.pass(10);
    expect(log).toEqual(['live', 'early', 'now']);
  });

  it('returns false for a message that is dropped, with an error', async () => {
    const started = start();
    const { channel } = record(started);
    await started.world.pass(10);
    started.client.end();
    expect(channel.publish('late')).toBe(false);
    expect(started.errors).toMatchObject([{ code: 'ERR_PRIMUS_CLOSED' }]);
  });

  it('passes a plug-in that has replaced `_write`', async () => {
    const started = start();
    const written: unknown[] = [];
    const write = started.client._write.bind(started.client);
    started.client._write = (data) => {
      written.push(data);
      return write(data);
    };
    const { channel } = record(started);
    await started.world.pass(10);
    channel.publish(1);
    expect(written).toEqual([['primus::publish', 'news', 1]]);
  });
});

describe('what a server sends', () => {
  const anything = fc.anything({ maxDepth: 3 });
  const word = fc
    .tuple(
      fc.constantFrom('subscribed', 'message', 'presence', 'gap', 'refused', 'channels', 'other', ''),
      fc.array(fc.oneof(fc.constantFrom('news', 'live', 'gap', 'recovered', 'subscribe', null, -1, ['e', 1]), anything), { maxLength: 5 }),
    )
    .map(([type, rest]) => [`primus::${type}`, ...rest]);

  it('may be malformed: nothing throws, and the channel goes on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 10 }), async (words) => {
        const world = new World({ server: { pingInterval: false } });
        const double = new ChannelServer().attach(world.primus);
        const peer = world.connect();
        const errors: PrimusError[] = [];
        peer.client.on('error', (error) => errors.push(error as PrimusError));
        const seen: unknown[] = [];
        const other = channels(peer.client).channel('other');
        other.data$.subscribe((data) => seen.push(data));
        const news = channels(peer.client).channel('news', { presence: true });
        for (const stream of [news.data$, news.presence$, news.recovery$]) stream.subscribe();
        await world.pass(10);
        const [receive] = peer.client.transformers.incoming as [(packet: { data: unknown }) => unknown];
        for (const data of words) expect(receive({ data })).toBe(false);
        double.publish('other', 1);
        await world.pass(10);
        expect(errors.filter(({ code }) => code !== 'ERR_PRIMUS_CHANNEL')).toEqual([]);
        expect(peer.reports).toEqual([]);
        if (!JSON.stringify(words, (_, value) => (typeof value === 'bigint' ? 0 : value)).includes('other')) expect(seen).toEqual([1]);
        else expect(seen.length).toBeLessThan(100);
        await world.destroy();
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['subscribed', 'news', 'recovered', null, 1],
    ['subscribed', 'news', 'recovered', ['e', 1], -1],
    ['subscribed', 'news', 'live', 5],
    ['subscribed', 'news', 'live', ['e', '1']],
    ['subscribed', 'news', 'other', ['e', 1]],
    ['subscribed', 'news'],
    ['message', 'news', 'x', '1'],
    ['message', 'news', 'x', 1.5],
    ['message'],
    ['gap', 'news', 'epoch', 5],
    ['presence', 'news', 5, []],
    ['presence', 'news', [], {}],
    ['other', 'news', 1],
  ])('is ignored when it is %j', async (type, ...rest) => {
    const started = start();
    const { log, channel } = record(started, 'news', { presence: true });
    await started.world.pass(10);
    channel.presence$.subscribe((map) => log.push(map.size));
    const [receive] = started.client.transformers.incoming as [(packet: { data: unknown }) => unknown];
    receive({ data: [`primus::${type}`, ...rest] });
    expect(log).toEqual(['live', 1]);
  });
});
