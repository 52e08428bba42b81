import fc from 'fast-check';
import { concatWith, interval, map, Observable, type Subscription, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { resumable } from '../../client/resume.js';
import type { PrimusError, Spark } from '../../src/index.js';
import { type RequestContext, RequestError, requests } from '../../src/request.js';
import { checkSequences, commandsOn, play } from '../support/sequences.js';
import { slowParser } from '../support/slow-parser.js';
import { type Peer, World } from '../support/world.js';

const RUNS = 150;

/** The time-out of all requests, in ms. */
const TIMEOUT = 3_000;

/** The most requests that an end answers at a time. */
const MOST = 6;

interface Setting {
  session: boolean;
  latency: number;
  /** How long parsers take, in ms. */
  slow: number;
  concurrency: number;
}

const KINDS = ['value', 'promise', 'observable', 'iterable', 'error', 'rejection', 'failing stream', 'never', 'none'] as const;
type Kind = (typeof KINDS)[number];

/** The data of a request: the answer has its tag. */
interface Question {
  readonly tag: number;
  readonly kind: Kind;
  readonly count: number;
  readonly delay: number;
}

/** A request, and what became of it. */
interface Asked extends Question {
  readonly by: 'client' | 'server';
  readonly subscription: Subscription;
  readonly values: unknown[];
  readonly ends: string[];
  /** The values and ends behind its end. */
  readonly late: unknown[];
  isCancelled: boolean;
}

/** One client, its requests and the server's, and the laws that hold for them. */
class RequestWorld {
  readonly world: World;
  readonly peer: Peer;
  readonly history: string[] = [];
  private readonly asked: Asked[] = [];
  private readonly server;
  private readonly client;
  private readonly running = { now: 0, client: 0, server: 0 };
  private tags = 0;

  constructor(setting: Setting) {
    const { latency, session, slow, concurrency } = setting;
    const parser = slowParser(slow, (run, ms) => this.world.clock.schedule(run, ms));
    const resume = session && { window: 1_000 };
    this.world = new World({ latency, server: { pingInterval: 500, resume, ...(slow > 0 && { parser }) } });
    this.peer = this.world.connect(
      { reconnect: { min: 5, max: 50, retries: Infinity }, pingTimeout: 900, timeout: 500, ...(session && { resume: true }) },
      session ? { session: resumable } : {},
    );
    const options = { timeout: TIMEOUT, concurrency, maxRequests: MOST, bufferSize: 20 };
    this.server = requests(this.world.primus, options);
    this.client = requests(this.peer.client, options);
    for (const kind of KINDS) {
      if (kind === 'none') continue;
      this.server.handle(kind, (question: Question, context) => this.answer('server', question, context));
      this.client.handle(kind, (question: Question, context) => this.answer('client', question, context));
    }
    this.peer.client.on('error', () => {});
    this.world.primus.on('connection', (spark) => spark.on('error', () => {}));
  }

  ask(by: 'client' | 'server', kind: Kind, count: number, delay: number): void {
    const spark = this.world.findSpark(this.peer) as Spark | undefined;
    if (by === 'server' && spark === undefined) return;
    this.tags += 1;
    const question = { tag: this.tags, kind, count, delay };
    const answer$ = by === 'client' ? this.client.request(kind, question) : this.server.request(spark as Spark, kind, question);
    const values: unknown[] = [];
    const ends: string[] = [];
    const late: unknown[] = [];
    const subscription = answer$.subscribe({
      next: (value) => (ends.length > 0 || asked.isCancelled ? late : values).push(value),
      error: (error: PrimusError) => (asked.isCancelled ? late : ends).push(error.code),
      complete: () => (asked.isCancelled ? late : ends).push('done'),
    });
    const asked = { ...question, by, subscription, values, ends, late, isCancelled: false };
    this.asked.push(asked);
  }

  cancel(index: number): void {
    const open = this.asked.filter(({ ends, isCancelled }) => ends.length === 0 && !isCancelled);
    const asked = open[index % Math.max(1, open.length)];
    if (asked === undefined) return;
    asked.isCancelled = true;
    asked.subscription.unsubscribe();
    asked.subscription.unsubscribe();
  }

  lose(noticed: 'both' | 'client' | 'server'): void {
    const pair = this.world.network.pairsOf(this.peer).at(-1);
    if (pair) this.world.network.breakPair(pair, noticed);
  }

  endSpark(): void {
    (this.world.findSpark(this.peer) as Spark | undefined)?.end(undefined, { reconnect: true });
  }

  async reopen(): Promise<void> {
    const { client } = this.peer;
    client.end();
    while (client.state.name !== 'closed') await this.world.pass(1);
    client.open();
  }

  /** Waits until all is quiet, and checks what became of each request. */
  async settle(): Promise<void> {
    const { world, peer, asked, story } = this;
    await world.pass(TIMEOUT + 3_000);
    expect(peer.client.state.name, story).toBe('open');
    for (const request of asked) this.check(request);
    expect(this.running, story).toEqual({ now: 0, client: 0, server: 0 });
    expect(peer.reports, story).toEqual([]);
    // The ends are as good as new.
    this.ask('client', 'promise', 1, 1);
    this.ask('server', 'observable', 3, 1);
    await world.pass(500);
    expect(
      this.asked.slice(-2).map(({ values, ends }) => [values.length, ends]),
      story,
    ).toEqual([
      [1, ['done']],
      [3, ['done']],
    ]);
  }

  private check({ tag, kind, count, values, ends, late, isCancelled }: Asked): void {
    const story = `request ${tag}, ${kind}, ${this.story}`;
    expect(ends, story).toHaveLength(isCancelled ? 0 : 1);
    expect(late, story).toEqual([]);
    // Each value is of this request, in order, and none is missing before the last one.
    expect(values, story).toEqual(values.map((_, index) => ({ tag, index })));
    const [end] = ends;
    if (end === undefined) return;
    const isStream = kind === 'observable' || kind === 'iterable';
    if (end === 'done') {
      expect(['value', 'promise', 'observable', 'iterable'], story).toContain(kind);
      expect(values, story).toHaveLength(isStream ? count : 1);
    } else if (end === 'ERR_PRIMUS_REQUEST') expect(kind, story).toBe('rejection');
    else if (end === 'ERR_PRIMUS_HANDLER') expect(kind, story).toMatch(/^error|failing/);
    else if (end === 'ERR_PRIMUS_SLOW_PEER') expect(kind, story).toMatch(/observable|stream/);
    else if (end === 'ERR_PRIMUS_NO_HANDLER') expect(kind, story).toBe('none');
    else expect(end, story).toMatch(/^ERR_PRIMUS_(DROPPED|CLOSED|TIMEOUT|BUSY)$/);
  }

  private answer(by: 'client' | 'server', question: Question, { signal }: RequestContext): unknown {
    const { kind, tag, count, delay } = question;
    const { running, world } = this;
    const values$ = interval(delay, world.clock).pipe(
      take(count),
      map((index) => ({ tag, index })),
    );
    const counted = <T>(source$: Observable<T>) =>
      new Observable<T>((subscriber) => {
        running.now += 1;
        subscriber.add(() => (running.now -= 1));
        subscriber.add(source$.subscribe(subscriber));
      });
    const later = () =>
      new Promise<void>((resolve) => {
        running[by] += 1;
        world.clock.schedule(() => {
          running[by] -= 1;
          resolve();
        }, delay);
      });
    switch (kind) {
      case 'value':
        return { tag, index: 0 };
      case 'promise':
        return later().then(() => ({ tag, index: 0 }));
      case 'observable':
        return counted(values$);
      case 'iterable':
        return (async function* () {
          for (let index = 0; index < count && !signal.aborted; index++) {
            await later();
            yield { tag, index };
          }
        })();
      case 'error':
        throw new Error('a mistake');
      case 'rejection':
        return later().then(() => {
          throw new RequestError('no');
        });
      case 'failing stream':
        return counted(values$.pipe(concatWith(throwError(() => new Error('a mistake')))));
      default:
        return counted(new Observable(() => {}));
    }
  }

  private get story(): string {
    return `after ${this.history.join(', ')}`;
  }
}

const { command } = commandsOn<RequestWorld>();

const ask = fc
  .tuple(
    fc.constantFrom('client' as const, 'server' as const),
    fc.constantFrom(...KINDS),
    fc.integer({ min: 0, max: 150 }),
    fc.integer({ min: 0, max: 30 }),
  )
  .map(([by, kind, count, delay]) => command(`ask(${by}, ${kind}, ${count}, ${delay})`, (world) => world.ask(by, kind, count, delay)));

const commands = fc.oneof(
  { weight: 12, arbitrary: ask },
  { weight: 4, arbitrary: fc.nat(5).map((index) => command(`cancel(${index})`, (world) => world.cancel(index))) },
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 3, 10, 40, 100).map((ms) => command(`pass(${ms})`, ({ world }) => world.pass(ms))) },
  { weight: 3, arbitrary: fc.constantFrom('both', 'client', 'server').map((by) => command(`lost(${by})`, (world) => world.lose(by))) },
  { weight: 1, arbitrary: fc.constant(command('spark.end', (world) => world.endSpark())) },
  { weight: 1, arbitrary: fc.constant(command('end and open', (world) => world.reopen())) },
);

const settings: [string, Setting][] = [
  ['without sessions', { session: false, latency: 2, slow: 0, concurrency: 4 }],
  ['without latency', { session: false, latency: 0, slow: 0, concurrency: 100 }],
  ['with sessions', { session: true, latency: 2, slow: 0, concurrency: 4 }],
  ['with sessions, without latency,', { session: true, latency: 0, slow: 0, concurrency: 100 }],
  ['with slow parsers', { session: false, latency: 1, slow: 2, concurrency: 4 }],
  ['with sessions and slow parsers', { session: true, latency: 1, slow: 2, concurrency: 100 }],
];

describe.each(settings)('requests %s', (_title, setting) => {
  it('end exactly once, with the values that belong to them, and leave nothing running', async () => {
    await checkSequences('requests', { commands, runs: RUNS }, async (sequence) => {
      const world = new RequestWorld(setting);
      await play(world, sequence);
      await world.settle();
      await world.world.destroy();
    });
  }, 300_000);
});

it('a request is cancelled that was still being encoded when its connection was lost', async () => {
  const world = new RequestWorld({ session: false, latency: 1, slow: 2, concurrency: 4 });
  world.ask('client', 'value', 0, 0);
  world.ask('client', 'value', 0, 0);
  await world.world.pass(3);
  world.endSpark();
  world.cancel(0);
  world.ask('client', 'never', 0, 0);
  world.ask('client', 'value', 0, 0);
  await world.settle();
  await world.world.destroy();
});
