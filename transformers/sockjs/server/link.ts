import type { Duplex } from 'node:stream';
import type { Observer, SchedulerLike, Unsubscribable } from 'rxjs';
import { dropped } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import type { Host } from '../../../src/server/http/host.js';
import { Gate } from '../../shared/server/body.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { limitFragments } from '../../shared/server/fragments.js';
import { exceeds, frameOf, textOf } from '../../shared/server/string-codec.js';
import { OPEN, type Session, type SockJSConnection, type WebSocket } from './framework.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = 2_000;

/** A SockJS session as a link. What is sent within a tick leaves in one frame: a poll carries one. */
export class SockJSLink implements Link {
  readonly socket: SockJSConnection;
  readonly #session: Session;
  readonly #raw: Duplex | undefined;
  readonly #websocket: WebSocket | undefined;
  readonly #maxLength: number;
  readonly #scheduler: SchedulerLike;
  /** The line of the last poll; what it answered may still be on its way. */
  #last: Duplex | undefined;
  #observer: Partial<Observer<Frame>> = NO_OBSERVER;
  #load: string[] | undefined;
  #loaded = 0;
  #over = false;
  #closing = false;
  /** What requests wait at while we are paused. */
  readonly gate = new Gate();
  #code: number | undefined;
  #reason: string | undefined;
  #cut: Unsubscribable | undefined;
  /** The framework's queue as far as it was counted. */
  #queue: string[] | undefined;
  #counted = 0;
  #queued = 0;

  constructor(socket: SockJSConnection, raw: Duplex | undefined, { maxLength, scheduler }: Host) {
    this.socket = socket;
    this.#session = socket._session;
    this.#raw = raw;
    this.#websocket = this.#session.recv?.ws ?? this.#session.ws ?? undefined;
    this.#maxLength = maxLength;
    this.#scheduler = scheduler;
    socket.on('data', (data: unknown) => this.#received(data));
    socket.on('close', () => this.#closed());
    if (this.#websocket !== undefined && raw !== undefined) limitFragments(this.#websocket, raw, (code, reason) => this.fail(code, reason));
    // The framework, which listens too, does not tell why.
    this.#websocket?.prependListener('close', ({ code, reason }: { code: number; reason: string }) => {
      this.#code = code;
      this.#reason = reason;
    });
  }

  get bufferedAmount(): number {
    const { send_buffer: queue = [] } = this.#session;
    if (queue !== this.#queue) {
      this.#queue = queue;
      this.#counted = this.#queued = 0;
    }
    for (; this.#counted < queue.length; this.#counted++) this.#queued += (queue[this.#counted] as string).length;
    return this.#loaded + this.#queued + ((this.#raw ?? this.#session.recv?.response ?? this.#last)?.writableLength ?? 0);
  }

  /** Another poll has come. */
  setTransportSocket(line: Duplex): void {
    this.#last = line;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.#closing || this.socket.readyState !== OPEN) return;
    const text = textOf(frame);
    this.#loaded += text.length;
    if (this.#load !== undefined) {
      this.#load.push(text);
      return;
    }
    this.#load = [text];
    flushAtEndOfTick(this);
  }

  flush(): void {
    const load = this.#load;
    this.#load = undefined;
    this.#loaded = 0;
    if (load === undefined || this.socket.readyState !== OPEN) return;
    const last = load.pop() as string;
    const { send_buffer: queue } = this.#session;
    // The framework sends its whole queue when the next message is written.
    if (queue !== undefined) queue.push(...load);
    else for (const text of load) this.socket.write(text);
    this.socket.write(last);
  }

  pause(): void {
    this.gate.shut = !this.#over;
    this.#websocket?.pause();
  }

  resume(): void {
    this.#websocket?.resume();
    this.gate.open();
  }

  close(code = 1000, reason = 'Normal closure'): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    // Without SockJS's framing the code goes into a WebSocket's close frame, which not every code may.
    this.socket.close(this.#session.ws && code < 3000 ? 1000 : code, reason);
    if (this.#raw !== undefined && !this.#raw.destroyed) {
      this.#cut = this.#scheduler.schedule(() => this.#raw?.destroy(), CLOSING);
      this.#raw.once('close', () => this.#cut?.unsubscribe());
    }
  }

  destroy(): void {
    this.#closing = true;
    const line = this.#raw ?? this.#session.recv?.response;
    if (line) line.destroy();
    // Nobody polls at the moment: who comes next learns it.
    else this.socket.close(3000, 'Cut');
    if (this.#last !== undefined && this.#last.writableLength > 0) this.#last.destroy();
  }

  /** The peer broke a rule. */
  fail(code: number, reason: string): void {
    if (this.#over) return;
    this.#end().error?.(dropped(code, reason, new Error(reason)));
    this.close(code, reason);
  }

  #received(data: unknown): void {
    if (this.#over || this.#closing) return;
    if (typeof data !== 'string') {
      this.fail(1003, 'Only texts are carried');
      return;
    }
    const frame = frameOf(data);
    if (exceeds(frame, this.#maxLength)) {
      this.fail(1009, 'Message too long');
      return;
    }
    // The framework goes on reading when what it writes has left, whoever stopped it.
    if (this.gate.shut) this.#websocket?.pause();
    this.#observer.next?.(frame);
  }

  #closed(): void {
    if (this.#over) return;
    const clean = this.#closing || this.#code === 1000;
    const observer = this.#end();
    if (clean) observer.complete?.();
    else observer.error?.(dropped(this.#code, this.#reason));
  }

  #end(): Partial<Observer<Frame>> {
    this.#over = true;
    this.gate.open();
    return this.#observer;
  }
}
