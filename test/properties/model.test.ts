import fc from 'fast-check';
import { first, skip } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Invariants } from './invariants.js';
import { RECONNECT, type Setting } from './peer-log.js';

/** The number of clients. The invariants hold after each command, for every sequence of commands. */
const CLIENTS = 2;

/** The model has no state: the expectations are in the commands and the invariants. */
type Model = object;

abstract class Command implements fc.AsyncCommand<Model, Invariants> {
  check(): boolean {
    return true;
  }

  async run(_model: Model, real: Invariants): Promise<void> {
    await this.act(real);
    await real.check();
  }

  abstract act(real: Invariants): Promise<void> | void;
  abstract toString(): string;
}

function command(name: string, act: (real: Invariants) => Promise<void> | void): Command {
  return new (class extends Command {
    act = act;
    toString = () => name;
  })();
}

const pass = (ms: number) => command(`pass(${ms})`, (real) => real.world.pass(ms));

const open = (index: number) =>
  command(`open(${index})`, (real) => {
    const log = real.log(index);
    const { client } = log.peer;
    const before = client.state.name;
    const alone = log.plans === 0;
    real.open(index);
    if (log.online && alone) expect(['connecting', 'open'], `after open() while ${before}; ${log.history}`).toContain(client.state.name);
  });

const write = (index: number, count: number) =>
  command(`write(${index}, ${count})`, (real) => {
    for (let at = 0; at < count; at++) real.writeUp(index);
  });

const send = (index: number, count: number) =>
  command(`spark.write(${index}, ${count})`, (real) => {
    for (let at = 0; at < count; at++) real.writeDown(index);
  });

const disconnectAll = () =>
  command('disconnect all', (real) => {
    real.stopReceivingAll('server', 'client');
    const open = real.logs.filter(({ peer, plans }) => peer.client.state.name === 'open' && plans === 0);
    real.world.network.cut();
    expect(real.world.network.alive).toBe(0);
    // While received messages are still being transformed, a client has not emitted it yet.
    if (real.setting.transforms > 0) return;
    for (const { peer, history } of open) expect(['waiting', 'closed'], `after a disconnect; ${history}`).toContain(peer.client.state.name);
  });

const disconnect = (index: number, noticed: 'both' | 'client' | 'server') =>
  command(`disconnect(${index}, noticed by ${noticed})`, (real) => {
    const pair = real.pair(index);
    if (pair === undefined) return;
    real.stopReceiving(pair, 'server', 'client');
    real.world.network.breakPair(pair, noticed);
  });

type Answer = 'accept' | 'refuse' | 'mute';

const answer = (how: Answer) =>
  command(how, (real) => {
    real.world.network.down = how === 'refuse';
    real.world.network.mute = how === 'mute';
  });

const network = (index: number, online: boolean) =>
  command(`${online ? 'online' : 'offline'}(${index})`, (real) => {
    const log = real.log(index);
    const pair = real.pair(index);
    if (!online && pair !== undefined) real.stopReceiving(pair, 'client');
    const before = log.events.length;
    // A silent server counts as no network already, and a connection as one.
    const changes = log.online !== online && log.peer.client.online !== online;
    const alone = log.plans === 0;
    log.online = online;
    log.peer.network$.next(online);
    if (!alone) return;
    expect(log.events.slice(before).filter((event) => event === 'online' || event === 'offline')).toHaveLength(changes ? 1 : 0);
  });

const end = (index: number, last: boolean) =>
  command(`end(${index}${last ? ', message' : ''})`, (real) => {
    const log = real.log(index);
    const message = real.message(index);
    const alone = log.plans === 0;
    if (last) log.written.add(message.n);
    log.peer.client.end(last ? message : undefined);
    if (alone && real.setting.transforms === 0) expect(log.peer.client.state.name).toBe('closed');
  });

const sparkEnd = (index: number, last: boolean, reconnect: boolean) =>
  command(`spark.end(${index}, ${last ? 'message' : 'nothing'}${reconnect ? ', reconnect' : ''})`, (real) => {
    const spark = real.world.findSpark(real.log(index).peer);
    const pair = real.pair(index);
    if (!spark?.connection.writable || pair === undefined) return;
    if (!reconnect && pair.closedBy.size === 0) real.log(index).dismissed = true;
    if (last) real.writeDown(index, (to, message) => to.end(message, { reconnect }));
    else spark.end(undefined, { reconnect });
    real.stopReceiving(pair, 'server');
  });

const stop = () => command('server stops', (real) => real.stop());
const start = () => command('server starts', (real) => real.start());
const restart = (after: number) =>
  command(`server restarts after ${after}`, async (real) => {
    await real.stop();
    await real.world.pass(after);
    real.start();
  });

/** Removes all obstacles for a while: without it, most sequences wait most of the time. */
const calm = () =>
  command('calm', async (real) => {
    for (const index of real.logs.keys()) await network(index, true).act(real);
    answer('accept').act(real);
    real.start();
    for (const index of real.logs.keys()) await open(index).act(real);
    await real.world.pass(2 * RECONNECT.max);
  });

const MOMENTS = [
  'open',
  'close',
  'end',
  'error',
  'timeout',
  'reconnect scheduled',
  'reconnect',
  'reconnected',
  'reconnect timeout',
  'reconnect failed',
  'readyStateChange',
  'data',
  'online',
  'offline',
  'incoming::open',
  'incoming::end',
  'incoming::error',
  'incoming::ping',
  'outgoing::open',
  'outgoing::url',
  'outgoing::data',
  'outgoing::end',
  'outgoing::reconnect',
] as const;
const STATES = ['connecting', 'open', 'waiting', 'closed'] as const;
const REACTIONS = ['open', 'write', 'end', 'end, open', 'disconnect', 'flap'] as const;

function react(real: Invariants, index: number, reaction: (typeof REACTIONS)[number]): void {
  const log = real.log(index);
  const { client, network$ } = log.peer;
  log.plans--;
  if (real.recovering && !real.over) return;
  if (reaction === 'write') return real.over ? expect(client.write({})).toBe(false) : real.writeUp(index, true);
  if (reaction === 'disconnect') disconnect(index, 'both').act(real);
  else if (reaction === 'flap') {
    const pair = real.pair(index);
    if (pair !== undefined && log.online) real.stopReceiving(pair, 'client');
    for (const online of [!log.online, log.online]) network$.next(online);
  } else {
    if (reaction !== 'open') client.end();
    if (reaction === 'end') return;
    if (real.over) expect(() => client.open()).toThrow('destroyed');
    else real.open(index);
  }
}

/** Reacts inside a listener. */
const once = (index: number, moment: (typeof MOMENTS)[number], reaction: (typeof REACTIONS)[number]) =>
  command(`once(${index}, ${moment}, ${reaction})`, (real) => {
    const log = real.log(index);
    log.plans++;
    log.interfere(moment, () => react(real, index, reaction));
  });

/** Reacts inside a subscriber of `state$`, which is called before any listener. */
const onceIn = (index: number, state: (typeof STATES)[number], reaction: (typeof REACTIONS)[number]) =>
  command(`once in(${index}, ${state}, ${reaction})`, (real) => {
    const log = real.log(index);
    log.plans++;
    log.peer.client.state$
      .pipe(
        skip(1),
        first(({ name }) => name === state, null),
      )
      .subscribe((reached) => reached && react(real, index, reaction));
  });

const index = fc.nat(CLIENTS - 1);
const count = fc.integer({ min: 1, max: 3 });
const ends = fc.constantFrom<'both' | 'client' | 'server'>('both', 'client', 'server');
const writes = fc.tuple(index, count).map(([at, many]) => write(at, many));
const sends = fc.tuple(index, count).map(([at, many]) => send(at, many));

const commands = fc.commands(
  [
    fc.constant(calm()),
    fc.nat(60).map(pass),
    fc.nat(2_500).map(pass),
    fc.nat(40_000).map(pass),
    index.map(open),
    writes,
    writes,
    sends,
    sends,
    fc.tuple(index, fc.constantFrom(...MOMENTS), fc.constantFrom(...REACTIONS)).map(([at, moment, reaction]) => once(at, moment, reaction)),
    fc.tuple(index, fc.constantFrom(...STATES), fc.constantFrom(...REACTIONS)).map(([at, state, reaction]) => onceIn(at, state, reaction)),
    // So many that the message transformers pause the link.
    index.map((at) => send(at, 40)),
    fc.constant(disconnectAll()),
    fc.tuple(index, ends).map(([at, noticed]) => disconnect(at, noticed)),
    fc.constantFrom<Answer>('accept', 'accept', 'refuse', 'mute').map(answer),
    fc.tuple(index, fc.boolean()).map(([at, online]) => network(at, online)),
    fc.constantFrom(stop(), start()),
    fc.nat(3_000).map(restart),
    fc.tuple(index, fc.boolean()).map(([at, last]) => end(at, last)),
    fc.tuple(index, fc.boolean(), fc.boolean()).map(([at, last, reconnect]) => sparkEnd(at, last, reconnect)),
  ],
  { maxCommands: 40, size: 'max' },
);

const clients = fc.array(fc.record({ manual: fc.boolean() }), { minLength: CLIENTS, maxLength: CLIENTS });

function settings(more: Partial<Record<keyof Setting, fc.Arbitrary<unknown>>> = {}): fc.Arbitrary<Setting> {
  return fc.record({
    latency: fc.constantFrom(0, 5, 40),
    seed: fc.integer(),
    pingInterval: fc.constantFrom(5_000, 30_000),
    strategy: fc.constantFrom('disconnect,online,timeout', 'disconnect,online,timeout', 'disconnect,timeout', 'online'),
    transforms: fc.constant(0),
    admission: fc.constant(0),
    credentials: fc.constant(-1),
    ...more,
  }) as fc.Arbitrary<Setting>;
}

async function runScript(
  setting: Setting,
  options: { manual: boolean }[],
  script: Iterable<fc.AsyncCommand<Model, Invariants>>,
): Promise<void> {
  const invariants = new Invariants(setting, options);
  await fc.asyncModelRun(() => ({ model: {}, real: invariants }), script);
  await invariants.recover();
  await invariants.end();
}

describe('two clients and a server, with any sequence of events', () => {
  it('make only documented transitions, keep at most one connection, and lose, repeat or reorder no message', async () => {
    await fc.assert(fc.asyncProperty(settings(), clients, commands, runScript), { numRuns: 100 });
  });

  it('do so with slow message transformers at both ends', async () => {
    const slow = settings({ transforms: fc.constantFrom(2, 20, 200) });
    await fc.assert(fc.asyncProperty(slow, clients, commands, runScript), { numRuns: 60 });
  });

  it('do so with slow `connection` listeners', async () => {
    const slow = settings({ admission: fc.constantFrom(1, 50, 500) });
    await fc.assert(fc.asyncProperty(slow, clients, commands, runScript), { numRuns: 60 });
  });

  it('do so with credentials that are obtained before each attempt', async () => {
    const slow = settings({ credentials: fc.constantFrom(0, 20, 500), transforms: fc.constantFrom(0, 0, 20) });
    await fc.assert(fc.asyncProperty(slow, clients, commands, runScript), { numRuns: 60 });
  });
});

/** Sequences that once broke an invariant, or that random runs seldom find. */
describe('a client', () => {
  const setting: Setting = {
    latency: 0,
    seed: 1,
    pingInterval: 5_000,
    strategy: 'disconnect,online,timeout',
    transforms: 0,
    admission: 0,
    credentials: -1,
  };
  const slow = { ...setting, transforms: 20 };
  const ping = command('ping', (real) => real.pair(0)?.server.send('"primus::ping::1"'));
  const cases: [sentence: string, setting: Setting, script: Command[]][] = [
    ['that ends as soon as it is open leaves no connection behind', setting, [once(0, 'open', 'end'), calm()]],
    ['that ends when an attempt begins stays closed', setting, [calm(), disconnectAll(), once(0, 'reconnect', 'end'), pass(3_000)]],
    ['that opens again inside `end` can be destroyed', setting, [calm(), once(0, 'end', 'open')]],
    ['that ends inside `outgoing::data` has sent that message', setting, [calm(), once(0, 'outgoing::data', 'end'), write(0, 1)]],
    [
      'that writes while its buffer is being sent keeps the order',
      setting,
      [calm(), disconnectAll(), write(0, 3), once(0, 'outgoing::data', 'write'), calm()],
    ],
    ['whose connection breaks during the handshake tries again', { ...setting, latency: 40 }, [pass(40), disconnectAll(), pass(40)]],
    ['receives nothing after its end, even if messages are under way', slow, [calm(), send(0, 3), pass(7), end(0, false), pass(100)]],
    ['receives the last message of a spark that ends', slow, [calm(), sparkEnd(0, true, false), pass(100)]],
    [
      'that ends at `reconnected`, and opens at its end, opens',
      setting,
      [calm(), once(0, 'reconnected', 'end'), disconnectAll(), pass(1), once(0, 'close', 'open'), calm()],
    ],
    [
      'that ends at the `close` of an attempt without a network ends once',
      { ...setting, strategy: 'disconnect,timeout' },
      [calm(), network(0, false), once(0, 'close', 'end'), open(0)],
    ],
    ['delivers its last message', slow, [calm(), end(0, true), pass(100)]],
    [
      'does not answer a ping that it handles after the connection broke',
      slow,
      [calm(), send(0, 2), pass(7), ping, disconnectAll(), pass(100)],
    ],
    [
      'without the strategy `online` keeps trying while offline',
      { ...setting, strategy: 'disconnect' },
      [calm(), disconnectAll(), network(0, false), pass(3_000)],
    ],
    ['that ends as it begins to wait has emitted `close`', setting, [calm(), onceIn(0, 'waiting', 'end'), disconnectAll()]],
    ['whose network flaps as it opens emits no `open`', setting, [onceIn(0, 'open', 'flap'), calm()]],
    [
      'whose network flaps when an attempt begins continues the attempt',
      setting,
      [calm(), once(0, 'reconnect', 'flap'), disconnectAll(), pass(3_000)],
    ],
    ['whose network flaps when all attempts failed stays closed', setting, [answer('refuse'), onceIn(0, 'closed', 'flap'), pass(40_000)]],
    [
      'whose network flaps at the last message of the server ends',
      { ...setting, transforms: 2 },
      [calm(), once(0, 'data', 'flap'), sparkEnd(0, true, false), pass(2), pass(100)],
    ],
    ['that ends at a ping does not answer it', setting, [calm(), once(0, 'incoming::ping', 'end'), pass(6_000)]],
    [
      'that ends as it fails emits nothing after its end',
      { ...setting, strategy: 'online' },
      [calm(), onceIn(0, 'closed', 'end'), disconnectAll()],
    ],
    [
      'that is opened as its network goes makes no attempt',
      setting,
      [stop(), pass(10), onceIn(0, 'waiting', 'open'), network(0, false), pass(10)],
    ],
    [
      'whose `connection` listener is running when the server stops reconnects',
      { ...setting, admission: 500 },
      [pass(1), restart(10), pass(3_000)],
    ],
  ];
  it.each(cases)('%s', async (_sentence, how, script) => {
    await runScript(how, [{ manual: false }, { manual: true }], script);
  });
});
