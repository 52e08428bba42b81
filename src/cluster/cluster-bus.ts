import {
  defer,
  EMPTY,
  exhaustMap,
  identity,
  ignoreElements,
  interval,
  merge,
  Observable,
  retry,
  type SchedulerLike,
  Subject,
  Subscription,
  switchMap,
  takeWhile,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { watchdog } from '../../operators/index.js';
import { asError, PrimusError } from '../core/errors.js';
import type { Frame } from '../core/link.js';
import { SafeObservable } from '../core/streams/safe-observable.js';
import { StateSubject } from '../core/streams/state-subject.js';
import type { Backplane, Bus, Delivery, Log } from './bus.js';
import { Outbox } from './outbox.js';
import { type Header, type Packet, parsePacket, printPacket } from './packets.js';

/**
 * The state of a cluster, as one node sees it. `up`: messages pass. `degraded`: the engine answers, and this node does not hear its own beats:
 * it connects again. `down`: the engine does not answer. Meanwhile the messages of this process are delivered within it.
 */
export type ClusterState = 'up' | 'degraded' | 'down';

/** Messages that were lost on their way between nodes. */
export interface Loss {
  /** The topic, such as `room:lobby`. */
  readonly topic: string;
  /** The number of messages that are known to be lost. */
  readonly count: number;
  /**
   * Why: the `outbox` is full; they were published while this node did not hear the engine (`missed`); they are no messages of a cluster
   * (`malformed`); their addressee has left (`gone`); the cluster was `closed`; there was no connection, or it dropped before the engine had
   * confirmed (`disconnected`); they are longer than the engine takes (`too large`); or the engine has `refused` them. A backplane may have others.
   */
  readonly reason: string;
}

/** The parts of the bus of a cluster. */
export interface ClusterBusOptions {
  readonly backplane: Backplane;
  readonly node: string;
  /** The id of this process, which distinguishes it from others of the same name. */
  readonly instance: string;
  readonly scheduler: SchedulerLike;
  /** The bytes that may wait for the engine. */
  readonly outbox: number;
  /** The time between two beats, in ms. */
  readonly beat: number;
  /** Takes each packet. Never throws. */
  readonly receive: (packet: Packet, delivery: Delivery) => void;
  readonly report: (error: Error) => void;
}

/** A topic that the engine is asked for. */
interface Question {
  /** Resolves to whether it has confirmed. */
  answer?: Promise<boolean>;
}

/** How many beats this node may miss of its own before it connects again. */
const MISSED_BEATS = 3;

/** How long an engine may take to confirm the topics, in ms. Our backplanes have shorter limits. */
const LISTEN_LIMIT = 30_000;

/** The delay before the backplane is opened again, in ms: before jitter, and after it. */
const REOPEN = 500;

/** How often messages that wait are tried again, in ms. */
const RETRY = 20;

/** How many topics the counts of the sender, and of one that it receives from, are kept for. */
const COUNTED_TOPICS = 10_000;

/**
 * The connection of a node to its backplane. It opens the backplane again when its own beats do not return, listens again, keeps what cannot be
 * published in an outbox, and counts what was lost.
 *
 * ```
 * open ─> listen ─> up ──── three beats missed ──> degraded ─> close, open again
 *           ^        └── the engine is away ──> down ─┐
 *           └─────────────── it is back ──────────────┘
 * ```
 */
export class ClusterBus {
  readonly node: string;
  readonly instance: string;
  readonly state: StateSubject<ClusterState>;
  readonly lost$: Observable<Loss>;
  /** Emits when the bus is up again, or for the first time: what was published meanwhile may have been missed. */
  readonly restored$: Observable<void>;
  readonly #options: ClusterBusOptions;
  readonly #lost = new Subject<Loss>();
  readonly #restored = new Subject<void>();
  readonly #echo = new Subject<void>();
  readonly #waking = new Subject<void>();
  readonly #subscription = new Subscription();
  #bus: Bus | undefined;
  /** Whether the topics were listened to since the engine answers. */
  #isUp = false;
  readonly #topics = new Set<string>();
  /** The topics that the engine has not confirmed, each with what distinguishes this question from an earlier one. */
  readonly #unconfirmed = new Map<string, Question>();
  /** How many commands to listen have no answer. */
  #confirming = 0;
  /** The connections that are being closed. */
  readonly #closing = new Set<Promise<unknown>>();
  #listening: Promise<boolean> | undefined;
  readonly #outbox: Outbox;
  /** The number of messages that were published, by topic. */
  readonly #sent = new Map<string, number>();
  /** The number of the last message that was received, by topic and sender. */
  readonly #received = new Map<string, Map<string, number>>();

  constructor(options: ClusterBusOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.outbox);
    this.node = options.node;
    this.instance = options.instance;
    this.state = new StateSubject<ClusterState>('down', options.report as never);
    const report = (error: unknown) => options.report(asError(error));
    this.lost$ = new SafeObservable((subscriber) => this.#lost.subscribe(subscriber), report);
    this.restored$ = new SafeObservable((subscriber) => this.#restored.subscribe(subscriber), report);
  }

  /** The history of topics, if the engine keeps one. */
  get log(): Log | undefined {
    return this.#bus?.log;
  }

  /** Opens the backplane. */
  open(): void {
    const { backplane, node, scheduler, report } = this.#options;
    const context = { node, scheduler, report, lost: (topic: string, count: number, reason: string) => this.lose(topic, count, reason) };
    const bus$ = new Observable<Bus>((subscriber) => {
      const bus = backplane.open(context);
      this.#bus = bus;
      for (const topic of this.#topics) this.#unconfirmed.set(topic, {});
      subscriber.add(() => {
        this.#bus = undefined;
        this.#isUp = false;
        const closed = bus.close().catch((error) => report(asError(error)));
        this.#closing.add(closed);
        void closed.then(() => this.#closing.delete(closed));
      });
      subscriber.next(bus);
    });
    const delay = (error: unknown) => {
      report(
        new PrimusError('ERR_PRIMUS_BACKPLANE', `The connection to ${backplane.name} is opened again: ${asError(error).message}`, {
          cause: error,
        }),
      );
      this.#change('degraded');
      return timer(REOPEN * (1 + Math.random()), scheduler);
    };
    const run$ = bus$.pipe(
      switchMap((bus) =>
        merge(
          bus.message$.pipe(tap((delivery) => this.#receive(delivery))),
          bus.state$.pipe(switchMap((state) => (state === 'up' ? this.#rise() : this.#fall()))),
        ).pipe(ignoreElements()),
      ),
      retry({ delay }),
    );
    this.#subscription.add(run$.subscribe());
    this.#subscription.add(
      this.#waking
        .pipe(
          exhaustMap(() =>
            interval(RETRY, scheduler).pipe(
              tap(() => this.#flush()),
              takeWhile(() => !this.#outbox.isEmpty),
            ),
          ),
        )
        .subscribe(),
    );
  }

  /** Ends the connection. What is still in the outbox is lost. */
  async close(): Promise<void> {
    this.#flush();
    for (const { topic } of this.#outbox.clear()) this.lose(topic, 1, 'closed');
    this.#subscription.unsubscribe();
    await Promise.all(this.#closing);
    this.#change('down');
    this.state.complete();
    this.#lost.complete();
    this.#restored.complete();
  }

  /** Listens to a topic. Resolves to whether the engine has confirmed; if not, this is tried again. */
  listen(topic: string): Promise<boolean> {
    const question: Question = {};
    this.#topics.add(topic);
    this.#unconfirmed.set(topic, question);
    // All topics of this turn in one command.
    this.#listening ??= Promise.resolve().then(() => this.#confirm());
    question.answer = this.#listening.then(() => !this.#unconfirmed.has(topic));
    return question.answer;
  }

  /** Resolves to whether the engine has confirmed a topic that was listened to before. */
  async whenListening(topic: string): Promise<boolean> {
    const question = this.#unconfirmed.get(topic);
    return question === undefined || question.answer === undefined ? question === undefined : question.answer;
  }

  /** Stops listening to a topic. */
  unlisten(topic: string): void {
    this.#topics.delete(topic);
    this.#received.delete(topic);
    this.#unconfirmed.delete(topic);
    this.#bus?.unlisten([topic]);
  }

  /** Publishes a message, or queues it until the engine takes it. */
  publish(topic: string, kind: string, fields: { readonly [field: string]: unknown }, frame?: Frame): void {
    if (this.#subscription.closed) return;
    const { node, instance } = this.#options;
    const packet = { header: { kind, from: node, instance, ...fields }, frame };
    if (this.#outbox.isEmpty && this.#post(topic, packet)) return;
    const bytes = 128 + topic.length + 3 * (JSON.stringify(fields).length + (frame?.length ?? 0));
    if (!this.#outbox.add(topic, packet, bytes)) return this.lose(topic, 1, 'outbox');
    if (this.#isUp) this.#waking.next();
  }

  /** The number of messages that this node has published on a topic, those in the outbox included. */
  written(topic: string): number {
    return (this.#sent.get(topic) ?? 0) + this.#outbox.countOf(topic);
  }

  /** The process that this node is, as senders are counted. */
  get sender(): string {
    return senderOf(this.node, this.instance);
  }

  /** The number of the last message of a topic that has arrived, by sender; of this node, of the last one that was published. */
  countsOf(topic: string): { readonly [sender: string]: number } {
    return { ...Object.fromEntries(this.#received.get(topic) ?? []), [this.sender]: this.written(topic) };
  }

  /** Goes on with the counts of another node on a topic that this one has not listened to: the next message shows what was missed. */
  expect(topic: string, counts: { readonly [sender: string]: number }): void {
    const senders = this.#received.get(topic) ?? new Map<string, number>();
    if (this.#topics.has(topic)) this.#received.set(topic, senders);
    for (const [sender, n] of Object.entries(counts)) if (!senders.has(sender)) senders.set(sender, n);
  }

  /** Marks that a beat of this node has returned. */
  heard(): void {
    this.#echo.next();
    if (this.#isUp) this.#change('up');
    if (this.#unconfirmed.size === 0 || this.#confirming > 0) return;
    void this.#confirm().then((isConfirmed) => {
      if (isConfirmed && this.#isUp) this.#restored.next();
    });
  }

  /** Reports messages that were lost. */
  lose(topic: string, count: number, reason: string): void {
    this.#lost.next({ topic, count, reason });
  }

  #change(state: ClusterState): void {
    if (state !== this.state.value) this.state.next(state);
  }

  #fall(): Observable<never> {
    this.#isUp = false;
    this.#change('down');
    return EMPTY;
  }

  /**
   * Listens, and is up when the engine has confirmed. From then on the own beats must return. Until then there are none, and an engine that takes
   * longer to confirm than those may take would never be heard; but one that does not confirm has no more time than that. Errors when they do not
   * return.
   */
  #rise(): Observable<unknown> {
    const { beat, scheduler } = this.#options;
    const due = MISSED_BEATS * beat;
    const begun = scheduler.now();
    const error = () => new Error('The engine does not deliver what this node publishes');
    const fail = () => throwError(error);
    const left = () => timeout<void, Observable<never>>({ first: Math.max(0, begun + due - scheduler.now()), scheduler, with: fail });
    return defer(() => this.#confirm()).pipe(
      timeout({ first: LISTEN_LIMIT, scheduler, with: fail }),
      tap((isConfirmed) => this.#risen(isConfirmed)),
      switchMap((isConfirmed) => this.#echo.pipe(isConfirmed ? identity : left(), watchdog({ due, scheduler, error }))),
    );
  }

  #risen(isConfirmed: boolean): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#change(isConfirmed ? 'up' : 'degraded');
    this.#flush();
    this.#restored.next();
  }

  /** Listens to the topics that the engine has not confirmed. */
  async #confirm(): Promise<boolean> {
    this.#listening = undefined;
    const bus = this.#bus;
    const questions = [...this.#unconfirmed];
    if (bus === undefined || questions.length === 0) return questions.length === 0;
    this.#confirming += 1;
    try {
      await bus.listen(questions.map(([topic]) => topic));
    } catch (error) {
      if (bus === this.#bus) this.#options.report(asError(error));
      return false;
    } finally {
      this.#confirming -= 1;
    }
    if (bus !== this.#bus) return false;
    for (const [topic, question] of questions) if (this.#unconfirmed.get(topic) === question) this.#unconfirmed.delete(topic);
    return true;
  }

  #receive(delivery: Delivery): void {
    // One that was under way when this node stopped listening.
    if (!this.#topics.has(delivery.topic)) return;
    const packet = parsePacket(delivery.data);
    if (packet === undefined) return this.lose(delivery.topic, 1, 'malformed');
    const { from, instance, n } = packet.header;
    if (typeof n === 'number' && Number.isSafeInteger(n)) this.#count(delivery.topic, senderOf(from, instance), n);
    this.#options.receive(packet, delivery);
  }

  /** Reports the messages of a sender that were missed before this one. */
  #count(topic: string, sender: string, n: number): void {
    const senders = this.#received.get(topic) ?? new Map<string, number>();
    this.#received.set(topic, senders);
    const last = senders.get(sender);
    if (last !== undefined && n > last + 1) this.lose(topic, n - last - 1, 'missed');
    senders.set(sender, n);
    forgetOldest(senders);
  }

  /** Publishes a message. Returns false when the engine does not take it now. */
  #post(topic: string, { header, frame }: Packet): boolean {
    const bus = this.#bus;
    if (bus === undefined || !this.#isUp || bus.bufferedAmount > this.#options.outbox / 2) return false;
    // Only messages to connections are counted: what nodes say about themselves, they say again.
    const n = frame === undefined ? undefined : (this.#sent.get(topic) ?? 0) + 1;
    const bytes = printPacket({ header: { ...header, n } as Header, frame });
    if (n !== undefined) {
      this.#sent.delete(topic);
      this.#sent.set(topic, n);
      forgetOldest(this.#sent);
    }
    bus.publish(topic, bytes);
    return true;
  }

  #flush(): void {
    this.#outbox.takeWhile((topic, packet) => this.#post(topic, packet));
    if (!this.#outbox.isEmpty && this.#isUp) this.#waking.next();
  }
}

/** Returns the name of a process, by which its messages are counted. */
export function senderOf(node: string, instance: string): string {
  return `${node} ${instance}`;
}

function forgetOldest(counts: Map<string, unknown>): void {
  if (counts.size > COUNTED_TOPICS) for (const oldest of counts.keys()) return void counts.delete(oldest);
}
