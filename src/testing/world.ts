import { createServer } from 'node:http';
import { asyncScheduler, type SchedulerLike, Subscription, VirtualTimeScheduler } from 'rxjs';
import type { ClientOptions, ClientParts } from '../../client/options.js';
import type { Primus as Client } from '../../client/primus.js';
import type { Primus as ClientClass } from '../client-node.js';
import { callable as callableClass } from '../core/callable.js';
import { PrimusError } from '../core/errors.js';
import { callable, check, count, invalid, object, size } from '../core/options.js';
import { type DestroyOptions, Primus, type ServerOptions } from '../index.js';
import { type FakeTimers, isFakeTimers, passOnTimers } from './fake-timers.js';
import { TestNetwork } from './network.js';
import { randomFrom } from './random.js';
import { parseScript } from './script.js';
import { passOn, VirtualTime } from './virtual-time.js';

/** The longest time that `stop`, `restart` and `destroy` let pass, in ms. */
const LIMIT = 60_000;

/** The steps of a script that have a name, and the letters that stand for them by default. */
const LETTERS = {
  c: 'cut',
  o: 'halfOpen',
  d: 'delay',
  x: 'drop',
  h: 'heal',
  r: 'restart',
  k: 'crash',
  f: 'offline',
  n: 'online',
} as const;

/** How long a frame takes behind the step `delay`, in ms. */
const DELAY = 1_000;

/** A step of a script: the name of a fault, or a function. */
export type Step = (typeof LETTERS)[keyof typeof LETTERS] | (() => unknown);

/** The options of `restart`. */
export interface RestartOptions extends DestroyOptions {
  /** How long there is no server, in ms. @defaultValue `0` */
  readonly downtime?: number;
  /** Whether the server ends without a word to its clients, as a process that is killed. @defaultValue `false` */
  readonly crash?: boolean;
}

/** The options of `createTestWorld`. Times are in ms. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface TestWorldOptions<In = any, Out = any> {
  /** The options of the server. Its transformer is always `memory`. @defaultValue `{}` */
  readonly server?: ServerOptions;
  /** The options of every client. @defaultValue `{}` */
  readonly client?: ClientOptions;
  /** Called with every server: the first one, and those that `start` and `restart` put in its place. @defaultValue none */
  readonly setup?: (server: Primus<In, Out>) => void;
  /** The time that a frame takes. @defaultValue `0` */
  readonly latency?: number;
  /** The time of one character of a script. @defaultValue `1` */
  readonly frame?: number;
  /** Seeds the jitter of the clients: the same seed makes the same delays. @defaultValue `1` */
  readonly seed?: number;
  /** The clock of the world, such as a `TestScheduler`. @defaultValue a `VirtualTimeScheduler` of its own */
  readonly scheduler?: VirtualTimeScheduler;
  /** Fake timers that replace `setTimeout` and `Date`, to be the clock of the world and of your code. @defaultValue none */
  readonly timers?: FakeTimers;
}

/**
 * A server and its clients on a network of their own, in virtual time. It opens no port.
 *
 * @example
 * ```ts
 * import { createTestWorld } from 'primus-rx/testing';
 * import { timer } from 'rxjs';
 *
 * const world = createTestWorld();
 * const client = new world.Client('https://example.com');
 * world.network.cut();
 * world.network.heal();
 * timer(500, world.scheduler).subscribe(() => client.write('after half a second'));
 * await world.advance(1_000);
 * console.log(world.server.connected, world.http.listening); // 1 false
 * await world.restart({ downtime: 5_000 });
 * await world.stop({ reconnect: true });
 * world.start();
 * await world.destroy();
 * console.log(world.pending); // 0
 * ```
 *
 * @typeParam In what the clients send
 * @typeParam Out what the server sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class TestWorld<In = any, Out = any> {
  /** The present server. `start` and `restart` make another one. */
  server: Primus<In, Out>;
  /**
   * The class of the clients. Pass it to your code in the place of `Primus` of `primus-rx/client`. It accepts every address, and it follows
   * the time and the network of the world.
   */
  readonly Client: typeof ClientClass;
  /** The network, and its faults. */
  readonly network: TestNetwork;
  /** The clock. Pass it to the operators of your code, so that they follow it. */
  readonly scheduler: SchedulerLike;
  /** A uniform source in [0, 1), seeded by the option `seed`. @internal */
  readonly random: () => number;
  /** The HTTP server below all servers. It does not listen. */
  readonly http = createServer();
  /** Every client. @internal */
  protected readonly clients = new Set<Client>();
  protected readonly options: ServerOptions;
  readonly #timers: FakeTimers | undefined;
  readonly #setup: ((server: Primus<In, Out>) => void) | undefined;
  readonly #frame: number;
  readonly #scripts = new Subscription();
  #isStopped = false;
  #advancing = 0;

  /** Use `createTestWorld`. @internal */
  constructor(
    options: TestWorldOptions<In, Out> & {
      readonly network?: (options: { latency: number; scheduler: SchedulerLike }) => TestNetwork;
    } = {},
  ) {
    check({ options }, { options: object });
    check(options, { server: object, client: object, setup: callable, latency: count, frame: size });
    const { latency = 0, frame = 1, seed = 1, scheduler, timers, setup, network = (parts) => new TestNetwork(parts) } = options;
    if (scheduler != null && !(scheduler instanceof VirtualTimeScheduler))
      throw invalid('scheduler', 'a VirtualTimeScheduler or TestScheduler of RxJS', scheduler);
    // It would run the heartbeats of the server for ever.
    if ((scheduler as { runMode?: boolean } | undefined)?.runMode)
      throw new PrimusError('ERR_PRIMUS_OPTION', 'Create a world outside `TestScheduler.run()`, and let time pass by `advance` or `play`');
    if (timers != null && !isFakeTimers(timers)) throw invalid('timers', 'the fake timers of a test runner: `vi` or `jest`', timers);
    if (timers && scheduler) throw invalid('timers', 'left out when there is a `scheduler`', timers);
    this.scheduler = scheduler ?? (timers ? asyncScheduler : new VirtualTime());
    this.network = network({ latency, scheduler: this.scheduler });
    this.random = randomFrom(seed);
    this.options = { ...options.server, transformer: 'memory', transport: { network: this.network }, scheduler: this.scheduler };
    this.#timers = timers;
    this.#setup = setup;
    this.#frame = frame;
    this.server = this.#create();
    this.Client = this.#clientClass(options.client);
  }

  /** The number of running timers of the world: 0 when nothing is left. `undefined` with the option `timers`: your test runner counts them. */
  get pending(): number | undefined {
    return this.scheduler instanceof VirtualTimeScheduler ? this.scheduler.actions.length : undefined;
  }

  /** The time, in ms: that of the world, or with the option `timers` that of the fake `Date`. */
  now(): number {
    return this.scheduler.now();
  }

  /**
   * Creates a client. It begins to connect when time passes.
   *
   * @throws ERR_PRIMUS_OPTION when an option is invalid
   */
  client(options: ClientOptions = {}): Client<Out, In> {
    return new this.Client(options) as Client<Out, In>;
  }

  /**
   * Lets time pass: runs every timer that is due within `ms`, and the promises in between.
   *
   * @throws ERR_PRIMUS_OPTION when the time is not a number of at least 0
   */
  async advance(ms = 0): Promise<void> {
    check({ advance: ms }, { advance: count });
    this.#advancing += 1;
    try {
      if (this.#timers) await passOnTimers(this.#timers, ms);
      else await passOn(this.scheduler as VirtualTimeScheduler, ms);
    } finally {
      this.#advancing -= 1;
    }
  }

  /**
   * Schedules faults, in the notation of RxJS marbles. Each letter is a step: by default `c` cuts, `o` half-opens, `d` delays each frame by a
   * second, `x` drops a frame, `h` heals, `r` restarts the server, `k` kills it, `f` and `n` take clients offline and online.
   *
   * @param marbles such as `'--c 2s h|'`
   * @param steps the steps of further letters, or of these: names of faults, or functions
   * @returns the time until the end of the marbles, in ms
   * @throws ERR_PRIMUS_OPTION when the marbles are invalid, or a letter has no step
   * @example
   * ```ts
   * import { createTestWorld } from 'primus-rx/testing';
   *
   * const world = createTestWorld({ frame: 100 });
   * world.client();
   * await world.advance(world.script('--c--h 30s |'));
   * await world.destroy();
   * ```
   */
  script(marbles: string, steps: { readonly [letter: string]: Step } = {}): number {
    const script = parseScript(marbles, this.#frame);
    const works = script.steps.map(({ letter, at }) => [this.#workOf(letter, steps), at] as const);
    for (const [work, at] of works) this.#scripts.add(this.scheduler.schedule(work, at));
    return script.length;
  }

  /** Schedules a script, and lets time pass until its end. */
  async play(marbles: string, steps?: { readonly [letter: string]: Step }): Promise<void> {
    await this.advance(this.script(marbles, steps));
  }

  /** Starts a server in the place of one that was stopped. A server that runs is returned as it is. */
  start(): Primus<In, Out> {
    if (this.#isStopped) this.server = this.#create();
    return this.server;
  }

  /** Stops the server, with the options of `primus.destroy()`: clients reconnect with `reconnect: true`. Time passes until it has stopped. */
  async stop(options: DestroyOptions = {}): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { server } = this;
    await this.#until((done) => server.destroy({ ...options, close: false }, done));
  }

  /** Stops the server, with `reconnect: true` unless the options say otherwise, and starts another one. Time passes until that runs; in a script, the script goes on. */
  async restart({ downtime = 0, crash = false, ...options }: RestartOptions = {}): Promise<void> {
    check({ downtime }, { downtime: count });
    if (crash) this.network.crash();
    await this.stop({ reconnect: true, ...options });
    if (this.#advancing > 0) await new Promise<void>((resolve) => this.#scripts.add(this.scheduler.schedule(() => resolve(), downtime)));
    else await this.advance(downtime);
    this.start();
  }

  /** Destroys the clients and the server, ends all scripts, and lets time pass until nothing is under way. */
  async destroy(): Promise<void> {
    this.#scripts.unsubscribe();
    const { latency } = this.network;
    for (const client of this.clients) client.destroy();
    await this.stop();
    await this.advance(4 * latency);
  }

  /** For `await using`: the same as `destroy`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  #create(): Primus<In, Out> {
    const server = new Primus<In, Out>(this.http, this.options);
    this.#isStopped = false;
    this.#setup?.(server);
    return server;
  }

  #clientClass(options: ClientOptions = {}): typeof ClientClass {
    const { clients, network, scheduler, random } = this;
    const { Socket } = this.server;
    const { parts } = Socket;
    const Class = class extends Socket {
      static override parts: ClientParts = { ...parts, platform: { ...parts.platform, network$: network.online$, scheduler, random } };

      constructor(url?: string | URL | ClientOptions | null, given?: ClientOptions) {
        const [address, own] = url instanceof Object && !(url instanceof URL) ? [undefined, url] : [url, given];
        // What the code under test says of its transport is for its real network.
        super(address ?? own?.url ?? own?.uri ?? 'http://world', { ...options, ...own, scheduler, transport: { network } });
        clients.add(this);
      }
    };
    return callableClass(Class) as unknown as typeof ClientClass;
  }

  #workOf(letter: string, steps: { readonly [letter: string]: Step }): () => void {
    const step = Object.hasOwn(steps, letter) ? steps[letter] : (LETTERS as { readonly [letter: string]: Step })[letter];
    const { network } = this;
    if (typeof step === 'function') return () => void step();
    switch (step) {
      case 'restart':
        return () => void this.restart();
      case 'crash':
        return () => void this.restart({ crash: true });
      case 'delay':
        return () => network.delay(DELAY);
      case 'cut':
      case 'halfOpen':
      case 'drop':
      case 'heal':
      case 'offline':
      case 'online':
        return () => network[step]();
      default:
        throw new PrimusError(
          'ERR_PRIMUS_OPTION',
          `The letter '${letter}' of the script has no step. Name one: { ${letter}: 'cut' }. A time such as '2s ' needs a space behind it`,
        );
    }
  }

  /** Lets time pass until `done` is called; when time passes already, waits. */
  async #until(run: (done: () => void) => unknown): Promise<void> {
    let isDone = false;
    const end = new Promise<void>((resolve) => {
      run(() => {
        isDone = true;
        resolve();
      });
    });
    if (this.#advancing > 0) return end;
    for (let passed = 0; !isDone; passed++) {
      if (passed > LIMIT) throw new Error(`The server has not stopped within ${LIMIT} ms`);
      await this.advance(1);
    }
  }
}

/**
 * Creates a server and a network for tests, in virtual time. Clients come by `client()`, or by the class `Client`.
 *
 * @throws ERR_PRIMUS_OPTION when an option is invalid
 * @example
 * ```ts
 * import { createTestWorld } from 'primus-rx/testing';
 *
 * const world = createTestWorld({ setup: (primus) => primus.on('connection', (spark) => spark.write('hello')) });
 * const client = world.client();
 * client.on('data', (message) => console.log(world.now(), message));
 * await world.play('c 1s h 30s |'); // the network fails for a second
 * console.log(client.state.name); // open
 * await world.destroy();
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export function createTestWorld<In = any, Out = any>(options: TestWorldOptions<In, Out> = {}): TestWorld<In, Out> {
  return new TestWorld(options);
}
