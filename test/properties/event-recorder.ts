import type { Observable } from 'rxjs';
import type { Primus, Spark } from '../../src/index.js';

/** The events of a spark in their order; `close` is the one of Node's streams. */
export const SPARK_EVENTS = ['data', 'error', 'heartbeat', 'readyStateChange', 'end', 'close'] as const;
export const SERVER_EVENTS = ['connection', 'disconnection', 'close'] as const;

/** Events that are no part of the one order, as they are emitted at once. */
export const INTERNAL_EVENTS = [
  'incoming::data',
  'incoming::pong',
  'incoming::end',
  'outgoing::data',
  'outgoing::ping',
  'outgoing::end',
] as const;

interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Records the events that a listener of each event, and a subscriber of each stream, are called with. */
export class EventRecorder {
  /** The events that the listeners were called for. */
  readonly heard: string[] = [];
  /** The values that the subscribers were called with. */
  readonly streamed: string[] = [];
  /** The streams that have completed. */
  readonly completed: string[] = [];
  /** The first event of the earliest recorder that this one can hear. */
  readonly since: number;
  protected readonly streams: Readonly<Record<string, Observable<unknown>>>;

  constructor(emitter: Emitter, events: readonly string[], streams: Readonly<Record<string, Observable<unknown>>>, since: number) {
    this.since = since;
    this.streams = streams;
    for (const event of events) emitter.on(event, (...args) => this.heard.push(label(event, args)));
    for (const [event, stream$] of Object.entries(streams)) {
      stream$.subscribe({ next: (value) => this.streamed.push(label(event, [value])), complete: () => this.completed.push(event) });
    }
  }

  /** Adds an event that could not get here: a listener before this one threw, and Node.js calls no more of them. */
  credit(entry: string): void {
    const [event = ''] = entry.split(' ');
    this.heard.push(entry);
    // `connection$` is not made of the listeners' calls, and streams of states and ends are called before any listener.
    if (event === 'connection' || event === 'readyStateChange' || event === this.endEvent || !(event in this.streams)) return;
    this.streamed.push(entry);
  }

  /** The event whose stream completes behind it. */
  protected readonly endEvent: string = 'end';
}

/** Records a spark. `state$` is recorded as the event whose state it emits. */
export class SparkRecorder extends EventRecorder {
  /** The first value of `state$`. */
  readonly initial: string;

  constructor(spark: Spark, since = 0) {
    const { data$, error$, heartbeat$, state$, end$ } = spark;
    super(spark as never, SPARK_EVENTS, { data: data$, error: error$, heartbeat: heartbeat$, readyStateChange: state$, end: end$ }, since);
    this.initial = this.streamed.shift() as string;
  }
}

export class ServerRecorder extends EventRecorder {
  constructor(primus: Primus, since = 0) {
    const { connection$, disconnection$, close$ } = primus;
    super(primus as never, SERVER_EVENTS, { connection: connection$, disconnection: disconnection$, close: close$ }, since);
  }

  protected override readonly endEvent = 'close';
}

/** An event with what tells it apart from others of its name. */
export function label(event: string, [value]: readonly unknown[]): string {
  if (event === 'readyStateChange') return `${event} ${value === 'end' ? 'closed' : value}`;
  if (event === 'connection' || event === 'disconnection') return `${event} ${(value as Spark).id}`;
  if (event === 'end' || event === 'close') return event;
  return `${event} ${value}`;
}
