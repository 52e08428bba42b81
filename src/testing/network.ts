import { type SchedulerLike, Subject } from 'rxjs';
import { MemoryNetwork } from '../../transformers/memory/index.js';
import { dropped } from '../core/errors.js';
import type { Frame } from '../core/link.js';
import { check, count, size } from '../core/options.js';

type Handshake = Parameters<MemoryNetwork['answer']>[0];
type End = ReturnType<MemoryNetwork['pair']>[0];

/** Both ends of a connection, and its client. */
interface Ends {
  readonly server: End;
  readonly client: End;
  readonly owner: unknown;
}

/** Something that is under way. */
interface Parcel {
  readonly arrive: () => void;
  isDue: boolean;
}

/** The sender of a frame. */
export type Sender = 'client' | 'server';

/** Selects frames: an encoded message, a heartbeat, or another frame of the protocol. */
export type FrameFilter = (frame: Frame, from: Sender) => boolean;

/** The options of `cut`. */
export interface CutOptions {
  /** The only client that is affected. @defaultValue all clients */
  readonly client?: object;
}

/** The options of `halfOpen`. */
export interface HalfOpenOptions extends CutOptions {
  /** The end that learns that the connection is lost. @defaultValue none of them */
  readonly noticed?: Sender;
}

/**
 * The network of a test. Its faults last until `heal()`: a connection that was broken stays broken, and a new one can be made then.
 * Frames of a connection arrive in order, or not at all.
 *
 * @example
 * ```ts
 * import { createTestWorld } from 'primus-rx/testing';
 *
 * const world = createTestWorld();
 * const client = world.client();
 * await world.advance(10);
 * const { network } = world;
 * console.log(network.alive, network.latency); // 1 0
 * network.cut();
 * console.log(client.state.name); // waiting
 * network.heal();
 * network.delay(200);
 * await world.advance(2_000);
 * console.log(client.state.name); // open
 * network.halfOpen({ client, noticed: 'server' });
 * network.offline();
 * network.online();
 * network.scheduler.schedule(() => (network.down = true), 500); // refuses connections, and leaves those that are open
 * await world.destroy();
 * ```
 */
export class TestNetwork extends MemoryNetwork {
  /** The time that a frame takes now, in ms. */
  declare latency: number;
  /** Emits what the platform of every client reports of its network. @internal */
  readonly online$ = new Subject<boolean>();
  readonly #ends = new Map<End, Ends>();
  /** Connections without a network: nothing arrives any more. */
  readonly #silent = new WeakSet<End>();
  /** The frames, answers and ends under way to an end, in order. */
  readonly #underWay = new WeakMap<End, Parcel[]>();
  /** The clients' ends whose client has no answer yet: it is the first thing that arrives there. */
  readonly #unanswered = new WeakSet<End>();
  /** The faults of new connections, by client; of every client by `undefined`. */
  readonly #faults = new Map<object | undefined, 'cut' | 'half-open'>();
  readonly #healthy: number;
  #drops: { left: number; readonly matches: FrameFilter }[] = [];
  #isOnline = true;

  constructor(options: { latency: number; scheduler: SchedulerLike }) {
    super(options);
    this.#healthy = options.latency;
  }

  /**
   * Terminates the connections. Both ends learn it at once, frames under way are lost, and new connections are refused.
   *
   * @param options `client`: the only client that is affected
   */
  override cut({ client }: CutOptions = {}): void {
    this.#faults.set(client, 'cut');
    const error = () => dropped(1006, 'cut');
    for (const ends of this.#endsOf(client)) this.#break(ends, error);
  }

  /**
   * Takes the network away without a word: nothing arrives any more, in either direction, and new connections get no answer. Heartbeats and
   * time-outs must detect it.
   *
   * @param options `noticed`: the end that learns that its connections are lost, as when the other machine was switched off; `client`: the only
   *   client that is affected
   */
  halfOpen({ client, noticed }: HalfOpenOptions = {}): void {
    this.#faults.set(client, 'half-open');
    for (const ends of this.#endsOf(client)) {
      this.#silent.add(ends.client).add(ends.server);
      if (noticed) ends[noticed].drop(dropped(1006, 'half-open'));
    }
  }

  /**
   * Changes the time that a frame takes. Frames do not overtake each other.
   *
   * @param ms the time, in ms
   * @throws ERR_PRIMUS_OPTION when the time is not a number of at least 0
   */
  delay(ms: number): void {
    check({ delay: ms ?? Number.NaN }, { delay: count });
    this.latency = ms;
  }

  /**
   * Loses the next frames, while their connection lives on. Frames are encoded messages, heartbeats, and what else the protocol sends.
   *
   * @param frames the number of frames
   * @param matches selects the frames that count
   * @throws ERR_PRIMUS_OPTION when the number is not positive
   * @example
   * ```ts
   * import { createTestWorld } from 'primus-rx/testing';
   *
   * const { network } = createTestWorld();
   * network.drop(1, (frame, from) => from === 'server' && !String(frame).includes('primus::'));
   * ```
   */
  drop(frames = 1, matches: FrameFilter = () => true): void {
    check({ drop: frames }, { drop: size });
    this.#drops.push({ left: frames, matches });
  }

  /** Lets the platform of every client report that there is no network, as browsers do. It changes nothing else. */
  offline(): void {
    this.#setOnline(false);
  }

  /** Lets the platform of every client report that there is a network again. */
  online(): void {
    this.#setOnline(true);
  }

  /** Ends all faults. Connections can be made again, and frames take as long as in the beginning. */
  heal(): void {
    this.#faults.clear();
    this.#drops = [];
    this.latency = this.#healthy;
    this.#setOnline(true);
  }

  /** Terminates all connections, as a server does that crashes. @internal */
  crash(): void {
    for (const ends of this.#endsOf()) this.#break(ends, () => dropped(1006, 'crashed'));
  }

  /** @internal */
  override answer(handshake: Handshake): void {
    const fault = this.#faults.get(undefined) ?? this.#faults.get(handshake.client as object);
    if (fault === 'cut') handshake.rejected({ reason: 'The network is cut' });
    else if (fault === undefined) super.answer(handshake);
  }

  /** @internal */
  override pair(...handshake: Parameters<MemoryNetwork['pair']>): ReturnType<MemoryNetwork['pair']> {
    const [server, client] = super.pair(...handshake);
    const ends = { server, client, owner: handshake[0].client };
    this.#ends.set(server, ends).set(client, ends);
    this.#unanswered.add(client);
    return [server, client];
  }

  /** @internal */
  override takes(from: End, frame: Frame): boolean {
    const sender: Sender = this.#ends.get(from)?.client === from ? 'client' : 'server';
    const drop = this.#drops.find(({ matches }) => matches(frame, sender));
    if (drop === undefined) return true;
    drop.left -= 1;
    if (drop.left <= 0) this.#drops.splice(this.#drops.indexOf(drop), 1);
    return false;
  }

  /** @internal */
  override carry(to: End, arrive: () => void): void {
    const parcels = this.#underWay.get(to) ?? [];
    this.#underWay.set(to, parcels);
    const parcel = { arrive, isDue: false };
    parcels.push(parcel);
    const deliver = () => {
      parcel.isDue = true;
      // One that was sent later, with a shorter delay, waits for those before it.
      while (parcels[0]?.isDue) {
        const first = parcels.shift();
        const isAnswer = this.#unanswered.delete(to);
        if (!this.#silent.has(to)) first?.arrive();
        // The client never gets its end.
        else if (isAnswer) this.remove(to);
      }
    };
    this.scheduler.schedule(deliver, this.latency);
  }

  /** @internal */
  override remove(end: End): void {
    super.remove(end);
    this.#ends.delete(end);
  }

  #endsOf(owner?: object): Ends[] {
    const all = [...new Set(this.#ends.values())];
    return owner === undefined ? all : all.filter((ends) => ends.owner === owner);
  }

  #break({ client, server }: Ends, error: () => Error): void {
    client.drop(error() as never);
    server.drop(error() as never);
  }

  #setOnline(online: boolean): void {
    if (online === this.#isOnline) return;
    this.#isOnline = online;
    this.online$.next(online);
  }
}
