import type { Duplex } from 'node:stream';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import type { Host } from '../../../src/server/http/host.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { limitFragments } from '../../shared/server/fragments.js';
import { HttpLink } from '../../shared/server/http-link.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { decodeString, encodeString, exceeds } from '../../shared/string-frames.js';
import { OPEN, type SockJSConnection, type SockJSSession, type WebSocket, type WebSocketReceiver } from './framework.js';

/** A SockJS connection as a link. The frames of one tick leave in one frame of the framework: a poll carries one. */
export class SockJSLink extends HttpLink {
  readonly socket: SockJSConnection;
  readonly #session: SockJSSession;
  readonly #raw: Duplex | undefined;
  readonly #websocket: WebSocket | undefined;
  /** The socket of the last poll; its answer may not have left yet. */
  #last: Duplex | undefined;
  /** The strings of this tick, and their length. */
  #gathered: string[] | undefined;
  #gatheredLength = 0;
  #code: number | undefined;
  #reason: string | undefined;
  /** The framework's queue, and how much of it was counted. */
  #queue: string[] | undefined;
  #counted = 0;
  #queued = 0;

  constructor(socket: SockJSConnection, raw: Duplex | undefined, { maxLength, scheduler }: Host) {
    super(scheduler, maxLength);
    this.socket = socket;
    this.#session = socket._session;
    this.#raw = raw;
    this.#websocket = this.#session.recv?.ws ?? this.#session.ws ?? undefined;
    socket.on('data', (data: unknown) => this.#decoded(data));
    socket.on('close', () => this.closed(this.closing || this.#code === 1000 ? undefined : dropped(this.#code, this.#reason)));
    if (this.#session.recv?.ws !== undefined) outliveSession(this.#session.recv);
    if (this.#websocket !== undefined && raw !== undefined) limitFragments(this.#websocket, raw, (code, reason) => this.fail(code, reason));
    // The framework listens as well, and does not pass the code on.
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
    return this.#gatheredLength + this.#queued + ((this.#raw ?? this.#session.recv?.response ?? this.#last)?.writableLength ?? 0);
  }

  /** Notes the socket of another poll. */
  setTransportSocket(socket: Duplex): void {
    this.#last = socket;
  }

  send(frame: Frame): void {
    if (this.closing || this.socket.readyState !== OPEN) return;
    const string = encodeString(frame, nodeBytes);
    this.#gatheredLength += string.length;
    if (this.#gathered !== undefined) {
      this.#gathered.push(string);
      return;
    }
    this.#gathered = [string];
    flushAtEndOfTick(this);
  }

  flush(): void {
    const strings = this.#gathered;
    this.#gathered = undefined;
    this.#gatheredLength = 0;
    if (strings === undefined || this.socket.readyState !== OPEN) return;
    const last = strings.pop() as string;
    const { send_buffer: queue } = this.#session;
    // The framework sends its whole queue with the next message that is written.
    if (queue !== undefined) queue.push(...strings);
    else for (const string of strings) this.socket.write(string);
    this.socket.write(last);
  }

  override pause(): void {
    super.pause();
    this.#websocket?.pause();
  }

  override resume(): void {
    this.#websocket?.resume();
    super.resume();
  }

  destroy(): void {
    this.closing = true;
    const socket = this.#raw ?? this.#session.recv?.response;
    if (socket) socket.destroy();
    // Without a poll at the moment, the next one gets the end.
    else this.socket.close(3000, 'Terminated');
    if (this.#last !== undefined && this.#last.writableLength > 0) this.#last.destroy();
  }

  protected override doClose(code = 1000, reason = 'Normal closure'): void {
    this.flush();
    // Without SockJS's framing the code is sent in a WebSocket's close frame, where not every code is allowed.
    this.socket.close(this.#session.ws && code < 3000 ? 1000 : code, reason);
    if (this.#raw !== undefined && !this.#raw.destroyed) destroyLate(this.#raw, this.scheduler);
  }

  #decoded(data: unknown): void {
    if (this.ended || this.closing) return;
    if (typeof data !== 'string') {
      this.fail(1003, 'Only strings are accepted');
      return;
    }
    // The framework resumes reading once its writes have drained, even when we have paused it.
    if (this.gate.shut) this.#websocket?.pause();
    const frame = decodeString(data, nodeBytes);
    this.received(frame, exceeds(frame, this.maxLength, nodeBytes));
  }
}

/** Drops the messages behind one that ends the connection: the framework would pass them to a session that is gone, and throw. */
function outliveSession(receiver: WebSocketReceiver): void {
  const { didMessage } = receiver;
  receiver.didMessage = (payload) => {
    try {
      didMessage.call(receiver, payload);
    } catch (error) {
      if (receiver.session !== null) throw error;
    }
  };
}
