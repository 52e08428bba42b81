import { firstValueFrom, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import { PrimusError } from '../../../core/errors.js';

/** The time within which the server has to answer, in ms. */
export const DEADLINE = 5000;

/** The least time between two pings, in ms, while only messages wait for one. */
const PAUSE = 10;

/** The messages that were sent between two pings. */
class Span {
  bytes = 0;
  /** The number of messages per topic. */
  readonly counts = new Map<string, number>();
  /** Emits when the server has answered the ping behind them. */
  readonly answered$ = new Subject<void>();
}

/** The connection, as `Outgoing` sees it. */
interface OutgoingHost {
  readonly scheduler: SchedulerLike;
  /** Sends a ping; resolves when the server has answered. */
  flush(): Promise<void>;
  /** The server has answered everything up to the last ping. */
  onAnswer(): void;
  /** The server has not answered a ping within the deadline. */
  onSilence(): void;
}

/**
 * Counts the messages that the server has not confirmed. The client of NATS shows no bytes that wait; but the server reads in order, so that its answer to a ping
 * confirms all that was sent before. There is one ping at a time, and at most one in `PAUSE` ms for messages.
 */
export class Outgoing {
  /** The bytes that the server has not confirmed. */
  bytes = 0;
  readonly #host: OutgoingHost;
  /** The messages that the next ping confirms. */
  #next = new Span();
  /** The messages that the ping under way confirms. */
  #pinged: Span | undefined;
  #deadline: Subscription | undefined;
  #pause: Subscription | undefined;

  constructor(host: OutgoingHost) {
    this.#host = host;
  }

  /** Counts a message that was sent. */
  add(topic: string, bytes: number): void {
    this.bytes += bytes;
    this.#next.bytes += bytes;
    this.#next.counts.set(topic, (this.#next.counts.get(topic) ?? 0) + 1);
    if (this.#pinged === undefined) this.#pause ??= this.#host.scheduler.schedule(() => this.#ping(), PAUSE);
  }

  /** Pings; resolves when the server has taken all that was sent before. Rejects when it does not answer in time. */
  confirm(): Promise<void> {
    const answer = firstValueFrom(this.#next.answered$);
    if (this.#pinged === undefined) this.#ping();
    return answer;
  }

  /** Forgets what is not confirmed, and returns the number of messages per topic. */
  drop(): ReadonlyMap<string, number> {
    const lost = new Map(this.#pinged?.counts);
    for (const [topic, count] of this.#next.counts) lost.set(topic, (lost.get(topic) ?? 0) + count);
    const spans = [this.#pinged, this.#next];
    this.bytes = 0;
    this.#pinged = undefined;
    this.#next = new Span();
    this.#stop();
    for (const span of spans) span?.answered$.error(noAnswer('The connection dropped'));
    return lost;
  }

  #ping(): void {
    this.#stop();
    const span = this.#next;
    this.#next = new Span();
    this.#pinged = span;
    this.#deadline = this.#host.scheduler.schedule(() => {
      span.answered$.error(noAnswer(`NATS did not answer within ${DEADLINE} ms`));
      this.#host.onSilence();
    }, DEADLINE);
    // A ping that fails ends with the connection, of which the host hears otherwise.
    this.#host.flush().then(
      () => this.#pinged === span && this.#confirmed(span),
      () => {},
    );
  }

  #confirmed(span: Span): void {
    this.#stop();
    this.#pinged = undefined;
    this.bytes -= span.bytes;
    this.#host.onAnswer();
    span.answered$.next();
    if (this.#pinged !== undefined) return;
    if (this.#next.answered$.observed) this.#ping();
    else if (this.#next.bytes > 0) this.#pause = this.#host.scheduler.schedule(() => this.#ping(), PAUSE);
  }

  #stop(): void {
    this.#deadline?.unsubscribe();
    this.#pause?.unsubscribe();
    this.#pause = undefined;
  }
}

/** Creates the error of a server that does not answer. */
export function noAnswer(message: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_BACKPLANE', message, { cause });
}
