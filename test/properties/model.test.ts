import fc from 'fast-check';
import { first, skip } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Witness } from './invariants.js';
import { RECONNECT, type Setting } from './peer-log.js';

/** Whatever the sequence of commands, what `Witness` knows must hold after each; see there. Two clients, one server. */
const CLIENTS = 2;

/** All that the model knows by itself: commands carry no expectation but their own, the laws are the witness's. */
type Model = object;

abstract class Command implements fc.AsyncCommand<Model, Witness> {
  check(): boolean {
    return true;
  }

  async run(_model: Model, real: Witness): Promise<void> {
    await this.act(real);
    await real.check();
  }

  abstract act(real: Witness): Promise<void> | void;
  abstract toString(): string;
}

function command(name: string, act: (real: Witness) => Promise<void> | void): Command {
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
    if (log.online && alone) expect(['connecting', 'open'], `after open() while ${before}; ${log.tale}`).toContain(client.state.name);
  });

const write = (index: number, count: number) =>
  command(`write(${index}, ${count})`, (real) => {
    for (let at = 0; at < count; at++) real.writeUp(index);
  });

const send = (index: number, count: number) =>
  command(`spark.write(${index}, ${count})`, (real) => {
    for (let at = 0; at < count; at++) real.writeDown(index);
  });

const cut = () =>
  command('cut', (real) => {
    real.deafenAll('server', 'client');
    const open = real.logs.filter(({ peer, plans }) => peer.client.state.name === 'open' && plans === 0);
    real.world.network.cut();
    expect(real.world.network.alive).toBe(0);
    // While what was received is still being transformed, a client has not told yet.
    if (real.setting.transforms > 0) return;
    for (const { peer, tale } of open) expect(['waiting', 'closed'], `after a cut; ${tale}`).toContain(peer.client.state.name);
  });

const cutOne = (index: number, noticed: 'both' | 'client' | 'server') =>
  command(`cut(${index}, noticed by ${noticed})`, (real) => {
    const line = real.line(index);
    if (line === undefined) return;
    real.deafen(line, 'server', 'client');
    real.world.network.cutLine(line, noticed);
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
    const line = real.line(index);
    if (!online && line !== undefined) real.deafen(line, 'client');
    const before = log.events.length;
    const changes = log.online !== online;
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
    const spark = real.world.sparkOf(real.log(index).peer);
    const line = real.line(index);
    if (!spark?.connection.writable || line === undefined) return;
    if (!reconnect && line.closedBy.size === 0) real.log(index).dismissed = true;
    if (last) real.writeDown(index, (to, message) => to.end(message, { reconnect }));
    else spark.end(undefined, { reconnect });
    real.deafen(line, 'server');
  });

const stop = () => command('server stops', (real) => real.stop());
const start = () => command('server starts', (real) => real.start());
const restart = (after: number) =>
  command(`server restarts after ${after}`, async (real) => {
    await real.stop();
    await real.world.pass(after);
    real.start();
  });

/** All obstacles are gone for a while: without it, most sequences spend most of their time waiting. */
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
const REACTIONS = ['open', 'write', 'end', 'end, open', 'cut', 'flap'] as const;

function react(real: Witness, index: number, reaction: (typeof REACTIONS)[number]): void {
  const log = real.log(index);
  const { client, network$ } = log.peer;
  log.plans--;
  if (real.mending && !real.over) return;
  if (reaction === 'write') return real.over ? expect(client.write({})).toBe(false) : real.writeUp(index);
  if (reaction === 'cut') cutOne(index, 'both').act(real);
  else if (reaction === 'flap') {
    const line = real.line(index);
    if (line !== undefined && log.online) real.deafen(line, 'client');
    for (const online of [!log.online, log.online]) network$.next(online);
  } else {
    if (reaction !== 'open') client.end();
    if (reaction === 'end') return;
    if (real.over) expect(() => client.open()).toThrow('destroyed');
    else real.open(index);
  }
}

/** From within a listener, where everything is half done. */
const once = (index: number, moment: (typeof MOMENTS)[number], reaction: (typeof REACTIONS)[number]) =>
  command(`once(${index}, ${moment}, ${reaction})`, (real) => {
    const log = real.log(index);
    log.plans++;
    log.interfere(moment, () => react(real, index, reaction));
  });

/** The same from within a subscriber of `state$`, which is told before any listener. */
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
    // More than may wait for a message transformer before the line is not read any more.
    index.map((at) => send(at, 40)),
    fc.constant(cut()),
    fc.tuple(index, ends).map(([at, noticed]) => cutOne(at, noticed)),
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

async function hold(setting: Setting, options: { manual: boolean }[], script: Iterable<fc.AsyncCommand<Model, Witness>>): Promise<void> {
  const witness = new Witness(setting, options);
  await fc.asyncModelRun(() => ({ model: {}, real: witness }), script);
  await witness.mend();
  await witness.end();
}

describe('whatever happens to two clients and their server', () => {
  it('the documented machine, one line at most, and no message lost, doubled or reordered', async () => {
    await fc.assert(fc.asyncProperty(settings(), clients, commands, hold), { numRuns: 100 });
  });

  it('the same with message transformers that take their time, at both ends', async () => {
    const slow = settings({ transforms: fc.constantFrom(2, 20, 200) });
    await fc.assert(fc.asyncProperty(slow, clients, commands, hold), { numRuns: 60 });
  });

  it('the same with a server that takes its time to let one in', async () => {
    const slow = settings({ admission: fc.constantFrom(1, 50, 500) });
    await fc.assert(fc.asyncProperty(slow, clients, commands, hold), { numRuns: 60 });
  });

  it('the same with clients that have to ask who they are, before each attempt', async () => {
    const slow = settings({ credentials: fc.constantFrom(0, 20, 500), transforms: fc.constantFrom(0, 0, 20) });
    await fc.assert(fc.asyncProperty(slow, clients, commands, hold), { numRuns: 60 });
  });
});

/** Sequences that once broke a law, or that chance seldom finds. */
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
  const ping = command('ping', (real) => real.line(0)?.server.send('"primus::ping::1"'));
  const cases: [sentence: string, setting: Setting, script: Command[]][] = [
    ['that ends as soon as it is open leaves no line behind', setting, [once(0, 'open', 'end'), calm()]],
    ['that ends when an attempt begins stays closed', setting, [calm(), cut(), once(0, 'reconnect', 'end'), pass(3_000)]],
    ['that opens again whenever it ends can be destroyed', setting, [calm(), once(0, 'end', 'open')]],
    ['that ends while a message leaves has sent it', setting, [calm(), once(0, 'outgoing::data', 'end'), write(0, 1)]],
    [
      'that writes while its queue leaves waits its turn',
      setting,
      [calm(), cut(), write(0, 3), once(0, 'outgoing::data', 'write'), calm()],
    ],
    ['whose line is cut during the handshake tries again', { ...setting, latency: 40 }, [pass(40), cut(), pass(40)]],
    ['hears nothing after its end, though messages are under way', slow, [calm(), send(0, 3), pass(7), end(0, false), pass(100)]],
    ['hears the last message of a server that takes its leave', slow, [calm(), sparkEnd(0, true, false), pass(100)]],
    [
      'that ends at `reconnected`, and opens at its end, opens',
      setting,
      [calm(), once(0, 'reconnected', 'end'), cut(), pass(1), once(0, 'close', 'open'), calm()],
    ],
    [
      'that ends at the `close` of an attempt without a network ends once',
      { ...setting, strategy: 'disconnect,timeout' },
      [calm(), network(0, false), once(0, 'close', 'end'), open(0)],
    ],
    ['is heard to the last message', slow, [calm(), end(0, true), pass(100)]],
    ['does not answer a ping it comes to when the line is down', slow, [calm(), send(0, 2), pass(7), ping, cut(), pass(100)]],
    [
      'without the strategy online goes on trying while offline',
      { ...setting, strategy: 'disconnect' },
      [calm(), cut(), network(0, false), pass(3_000)],
    ],
    ['that ends as it begins to wait has told the close of its line', setting, [calm(), onceIn(0, 'waiting', 'end'), cut()]],
    ['whose network flaps as it opens is not told open', setting, [onceIn(0, 'open', 'flap'), calm()]],
    ['whose network flaps when an attempt begins goes on with it', setting, [calm(), once(0, 'reconnect', 'flap'), cut(), pass(3_000)]],
    ['whose network flaps when all attempts failed stays closed', setting, [answer('refuse'), onceIn(0, 'closed', 'flap'), pass(40_000)]],
    ['that ends at a ping does not answer it', setting, [calm(), once(0, 'incoming::ping', 'end'), pass(6_000)]],
    ['that ends as it fails tells nothing after its end', { ...setting, strategy: 'online' }, [calm(), onceIn(0, 'closed', 'end'), cut()]],
    ['that is being let in when the server stops comes back', { ...setting, admission: 500 }, [pass(1), restart(10), pass(3_000)]],
  ];
  it.each(cases)('%s', async (_sentence, how, script) => {
    await hold(how, [{ manual: false }, { manual: true }], script);
  });
});
