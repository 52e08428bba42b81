import type { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { NEVER, type Observable, skip, take, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { type Peer, World } from '../support/world.js';
import { INTERNAL_EVENTS, label, SERVER_EVENTS, ServerRecorder, SPARK_EVENTS, SparkRecorder } from './event-recorder.js';

/** Inside what listeners interfere, and what they do there. */
const SPARK_MOMENTS = [...SPARK_EVENTS, ...INTERNAL_EVENTS] as const;
const SERVER_MOMENTS = SERVER_EVENTS.map((event) => `server ${event}` as const);
const STREAMS = ['data$', 'error$', 'heartbeat$', 'state$', 'end$', 'connection$', 'disconnection$', 'close$'] as const;
const ACTIONS = [
  'end',
  'end(data)',
  'end the other',
  'write',
  'pause',
  'resume',
  'throw',
  'destroy',
  'add listeners',
  'disconnect',
] as const;
const STEPS = ['clients write', 'client writes', 'invalid frame', 'write', 'end', 'disconnect', 'client ends', 'wait', 'destroy'] as const;

const PING_INTERVAL = 1_000;

interface Interference {
  moment: (typeof SPARK_MOMENTS)[number] | (typeof SERVER_MOMENTS)[number] | (typeof STREAMS)[number];
  action: (typeof ACTIONS)[number];
}

interface Setting {
  latency: number;
  /** How long an incoming message is transformed, in ms. */
  transform: number;
  /** How long the `connection` listener takes, in ms. */
  admission: number;
}

/** The first spark of a run with its recorders; the first recorder is before the listeners that interfere, the second behind them. */
interface Recorded {
  spark: Spark;
  recorders: SparkRecorder[];
  /** Internal events that were emitted behind `end`. */
  tooLate: string[];
  /** How many events its streams have emitted that its recorders have not heard yet: streams of states and ends are called first. */
  ahead: number;
}

/** A server with two clients, on which listeners interfere with the events of the spark that came first. */
class Run {
  readonly world: World;
  readonly peers: [Peer, Peer];
  readonly sparks: Recorded[] = [];
  readonly server: ServerRecorder[] = [];
  private count = 0;
  /** As `ahead` of a spark. */
  ahead = 0;

  /** The time for which an asynchronous listener of `connection` does not answer, in ms. */
  private readonly admission: number;

  constructor({ latency, transform, admission }: Setting, interferences: readonly Interference[]) {
    this.admission = admission;
    this.world = new World({ latency, server: { pingInterval: PING_INTERVAL } });
    const { primus, clock } = this.world;
    (primus as unknown as EventEmitter).setMaxListeners(0);
    primus.on('log', () => {});
    if (transform > 0) primus.transform('incoming', (_packet, next) => void clock.schedule(() => next(), transform));
    this.server.push(new ServerRecorder(primus));
    primus.on('connection', (spark) => this.record(spark, this.sparks.length === 0 ? interferences : []));
    for (const interference of interferences) this.interfereWithServer(interference);
    if (admission > 0) primus.on('connection', (_spark: Spark, next: () => void) => void clock.schedule(() => next(), admission));
    this.server.push(new ServerRecorder(primus));
    this.peers = [this.world.connect(), this.world.connect()];
    for (const { client } of this.peers) client.on('error', () => {});
  }

  async step(step: (typeof STEPS)[number]): Promise<void> {
    const { world, peers } = this;
    const [{ client }] = peers;
    const spark = this.sparks[0]?.spark;
    if (step === 'client writes') client.write(++this.count);
    else if (step === 'clients write') for (const peer of [...peers, ...peers]) peer.client.write(++this.count);
    else if (step === 'invalid frame') world.network.pairs.find(({ server }) => server === spark?.socket)?.client.send('{');
    else if (step === 'client ends') client.end();
    else if (step === 'wait') await world.pass(PING_INTERVAL);
    else if (spark !== undefined || step === 'destroy') this.act(step, spark);
    await world.pass(2);
  }

  /** Destroys everything; by then all has been emitted. */
  async finish(): Promise<void> {
    for (const { spark } of this.sparks) spark.resume();
    await this.world.destroy();
  }

  check(): void {
    for (const { spark, recorders, tooLate } of this.sparks) {
      const [{ heard, initial }] = recorders as [SparkRecorder];
      if (initial.endsWith('closed')) {
        expect(heard, 'a spark that is ended before `connection` reaches a listener still ends').toEqual(['end', 'close']);
      } else {
        expect(heard.slice(-3), 'ends once').toEqual(['readyStateChange closed', 'end', 'close']);
        expect(heard.indexOf('end'), 'no event but `close` follows `end`').toBe(heard.length - 2);
      }
      expect(tooLate, 'no internal event follows `end`').toEqual([]);
      for (const recorder of recorders) {
        const rest = heard.slice(recorder.since);
        const streamed = recorder.initial.endsWith('closed') ? ['end'] : rest.filter((entry) => entry !== 'close');
        expect([recorder.heard, recorder.streamed], 'the same events in the same order').toEqual([rest, streamed]);
        expect([...recorder.completed].sort()).toEqual(['data', 'end', 'error', 'heartbeat', 'readyStateChange']);
      }
      expect(
        this.server[0]?.heard.filter((entry) => entry.endsWith(` ${spark.id}`)),
        'of the server',
      ).toEqual([`connection ${spark.id}`, `disconnection ${spark.id}`]);
      this.checkServer(` ${spark.id}`);
    }
    this.checkServer('close');
  }

  /** The events of the server about one spark; those about several have no order, as a listener of `connection` may be asynchronous. */
  private checkServer(end: string): void {
    const about = (entries: readonly string[]) => entries.filter((entry) => entry.endsWith(end));
    const [first] = this.server as [ServerRecorder];
    for (const { since, heard, streamed, completed } of this.server) {
      const rest = about(first.heard.slice(since));
      // A connection whose listeners did not agree is not in `connection$`; one whose listeners are being called will be.
      const admitted = (entry: string) => !entry.startsWith('connection');
      // A spark may end while an asynchronous listener of `connection` is asked: the listeners behind it get its `disconnection` before, and
      // no `connection` when the server was destroyed meanwhile.
      const ordered = (entries: string[]) => (this.admission > 0 ? entries.sort() : entries);
      const isMissed = this.admission > 0 && about(heard).every(admitted);
      expect(ordered(about(heard)), 'the server emits the same to all').toEqual(
        ordered(rest.filter((entry) => !isMissed || admitted(entry))),
      );
      // `close$` emits to late subscribers as well.
      expect(about(streamed).filter(admitted), 'the streams of the server').toEqual(end === 'close' ? ['close'] : rest.filter(admitted));
      expect([...completed].sort()).toEqual(['close', 'connection', 'disconnection']);
    }
    const streams = this.server.slice(0, 2).map(({ streamed }) => about(streamed));
    expect(streams[1]).toEqual(streams[0]);
  }

  private record(spark: Spark, interferences: readonly Interference[]): void {
    (spark as unknown as EventEmitter).setMaxListeners(0);
    const early = new SparkRecorder(spark);
    const recorded: Recorded = { spark, recorders: [early], tooLate: [], ahead: 0 };
    this.sparks.push(recorded);
    for (const event of INTERNAL_EVENTS) spark.on(event, () => early.heard.includes('end') && recorded.tooLate.push(event));
    for (const interference of interferences) this.interfereWithSpark(recorded, interference);
    recorded.recorders.push(new SparkRecorder(spark));
  }

  private interfereWithSpark(recorded: Recorded, { moment, action }: Interference): void {
    const { spark, recorders } = recorded;
    const subscribed = () => aheadIf(moment === 'state$' || moment === 'end$', recorded, () => this.act(action, spark));
    if (moment === 'state$') spark.state$.pipe(skip(1), take(1)).subscribe(subscribed);
    else if (moment === 'data$' || moment === 'error$' || moment === 'heartbeat$' || moment === 'end$')
      (spark[moment] as Observable<unknown>).pipe(take(1)).subscribe(subscribed);
    else if (SPARK_MOMENTS.includes(moment as 'end'))
      spark.once(moment as 'end', (...args: unknown[]) => {
        if (action === 'throw') credit(recorders, label(moment, args));
        this.act(action, spark);
      });
  }

  private interfereWithServer({ moment, action }: Interference): void {
    const { primus } = this.world;
    const subscribed = () => aheadIf(moment === 'close$', this, () => this.act(action, this.sparks[0]?.spark));
    if (moment === 'connection$' || moment === 'disconnection$' || moment === 'close$')
      (primus[moment] as Observable<unknown>).pipe(take(1)).subscribe(subscribed);
    else if (SERVER_MOMENTS.includes(moment as 'server close')) {
      const event = moment.slice('server '.length);
      primus.once(event as 'connection', (subject: Spark) => {
        if (action === 'throw') credit(this.server, label(event, [subject]));
        this.act(action, event === 'close' ? this.sparks[0]?.spark : subject);
      });
    }
  }

  private act(action: (typeof ACTIONS)[number], spark: Spark | undefined): void {
    const { primus, network } = this.world;
    const recorded = this.sparks.find((candidate) => candidate.spark === spark);
    if (action === 'throw') throw new Error('thrown by a listener');
    if (action === 'destroy') primus.destroy({ close: false });
    else if (action === 'end the other') this.sparks.find((other) => other.spark !== spark)?.spark.end();
    else if (action === 'end') spark?.end();
    else if (action === 'end(data)') spark?.end(++this.count);
    else if (action === 'disconnect') {
      const link = network.pairs.find(({ server }) => server === spark?.socket);
      if (link !== undefined) network.breakPair(link);
    } else if (action === 'add listeners') {
      const heard = (recorder: { heard: readonly string[] } | undefined) => recorder?.heard.length ?? 0;
      if (recorded !== undefined) {
        recorded.recorders.push(new SparkRecorder(recorded.spark, heard(recorded.recorders[0]) + recorded.ahead));
      }
      this.server.push(new ServerRecorder(primus, heard(this.server[0]) + this.ahead));
    } else if (spark !== undefined) {
      if (action === 'write') spark.write(++this.count);
      else spark[action]();
    }
  }
}

/** Acts inside the value of a stream, which is ahead of the recorders when it is a state or an end. */
function aheadIf(isAhead: boolean, counter: { ahead: number }, act: () => void): void {
  counter.ahead = isAhead ? 1 : 0;
  try {
    act();
  } finally {
    counter.ahead = 0;
  }
}

/** Adds an event to the recorders that are not called for it, because a listener before them throws. */
function credit(recorders: readonly (SparkRecorder | ServerRecorder)[], entry: string): void {
  const index = recorders[0]?.heard.lastIndexOf(entry) ?? -1;
  for (const recorder of recorders.slice(1)) if (recorder.since <= index) recorder.credit(entry);
}

const interference: fc.Arbitrary<Interference> = fc.record({
  moment: fc.constantFrom(...SPARK_MOMENTS, ...SERVER_MOMENTS, ...STREAMS),
  action: fc.constantFrom(...ACTIONS),
});
const setting: fc.Arbitrary<Setting> = fc.record({
  latency: fc.constantFrom(0, 5),
  transform: fc.constantFrom(0, 0, 3),
  admission: fc.constantFrom(0, 0, 3),
});
const interferences = fc.array(interference, { minLength: 1, maxLength: 6 });
const steps = fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 8 });

/** Makes a run, up to the destroyed server. */
async function run(how: Setting, what: readonly Interference[], script: readonly (typeof STEPS)[number][]): Promise<Run> {
  const run = new Run(how, what);
  await run.world.pass(20);
  for (const step of script) await run.step(step);
  await run.finish();
  return run;
}

describe('the events of a spark and its server', () => {
  it('reach all listeners and streams in one order, with any interference of listeners', async () => {
    await fc.assert(
      fc.asyncProperty(setting, interferences, steps, async (how, what, script) => (await run(how, what, script)).check()),
      { numRuns: 500 },
    );
  });

  const plain: Setting = { latency: 0, transform: 0, admission: 0 };
  const cases: [sentence: string, interferences: Interference[], steps: (typeof STEPS)[number][]][] = [
    [
      'include one `close` when a listener of the shutdown destroys the server again',
      [{ moment: 'close', action: 'destroy' }],
      ['clients write', 'destroy'],
    ],
    [
      'include no ping for a spark that a listener of `outgoing::ping` ends',
      [{ moment: 'outgoing::ping', action: 'end' }],
      ['wait', 'wait'],
    ],
    [
      'include the disconnection of a spark that is ended, and whose link breaks, before it is announced',
      [
        { moment: 'outgoing::data', action: 'disconnect' },
        { moment: 'connection$', action: 'end' },
      ],
      ['wait'],
    ],
    [
      'put every disconnection before `close` when a listener of `disconnection` destroys the server',
      [
        { moment: 'disconnection$', action: 'end the other' },
        { moment: 'server disconnection', action: 'destroy' },
      ],
      ['client ends', 'wait'],
    ],
    [
      'reach listeners that are added inside a disconnection that a subscriber of `end$` causes',
      [
        { moment: 'disconnection$', action: 'add listeners' },
        { moment: 'end$', action: 'destroy' },
        { moment: 'data', action: 'end' },
      ],
      ['clients write'],
    ],
    [
      'put the disconnection of a spark that was removed, and whose events still wait, before `close`',
      [
        { moment: 'data', action: 'end' },
        { moment: 'readyStateChange', action: 'destroy' },
        { moment: 'data', action: 'end the other' },
      ],
      ['clients write'],
    ],
    ['complete for streams that are subscribed to inside `close`', [{ moment: 'server close', action: 'add listeners' }], ['destroy']],
  ];
  it.each(cases)('%s', async (_sentence, what, script) => {
    const over = await run(plain, what, script);
    const [{ heard }] = over.server as [ServerRecorder];
    expect(heard.indexOf('close'), 'the last event of the server').toBe(heard.length - 1);
    over.check();
  });
});

describe('the stream', () => {
  it.each([
    ['end$ of a spark', ({ sparks }: Run) => sparks[0]?.spark.end$ as Observable<unknown>],
    ['close$ of a server', ({ world }: Run) => world.primus.close$],
  ] as const)('%s emits to a late subscriber at once, completes, and stops what is taken until then', async (_name, of) => {
    const over = await run({ latency: 0, transform: 0, admission: 0 }, [], ['clients write', 'destroy']);
    const calls: string[] = [];
    of(over).subscribe({ next: () => calls.push('next'), complete: () => calls.push('complete') });
    NEVER.pipe(takeUntil(of(over))).subscribe({ complete: () => calls.push('stopped') });
    expect(calls).toEqual(['next', 'complete', 'stopped']);
  });
});
