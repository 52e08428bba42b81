import type { ServerResponse } from 'node:http';
import type { SchedulerLike } from 'rxjs';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { HttpLink } from '../../shared/server/http-link.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { encodeString } from '../../shared/string-frames.js';
import type { BrowserChannelSession } from './framework.js';
import type { Batch } from './messages.js';

/** How much an answer carries before the framework ends it, in characters: the client acknowledges it by asking for the next. */
const ANSWER = 10_240;

/** A BrowserChannel connection as a link. */
export class BrowserChannelLink extends HttpLink {
  readonly socket: BrowserChannelSession;
  /** The number of the request whose turn it is. */
  rid: number;
  /** The number of the message that comes next. */
  expected = 0;
  /** How much the client has not acknowledged, in characters, sent or not. */
  #unacknowledged = 0;

  constructor(socket: BrowserChannelSession, rid: number, scheduler: SchedulerLike) {
    super(scheduler);
    this.socket = socket;
    this.rid = rid;
    // The endpoint has measured it.
    socket.on('message', (frame: Frame | undefined) => frame !== undefined && this.received(frame, false));
    socket.on('close', (message?: string) =>
      this.closed(this.closing || message === 'Disconnected' ? undefined : dropped(undefined, message)),
    );
  }

  /** What was sent and is not acknowledged counts once it is more than one answer carries: the client should have asked again. */
  get bufferedAmount(): number {
    const { _backChannel: channel, _lastArrayId: last, _lastSentArrayId: sent } = this.socket;
    return (sent < last || this.#unacknowledged > ANSWER ? this.#unacknowledged : 0) + (channel?.res.writableLength ?? 0);
  }

  send(frame: Frame): void {
    if (this.ended || this.closing) return;
    const string = encodeString(frame, nodeBytes);
    this.#unacknowledged += string.length;
    this.socket.send(string, () => {
      this.#unacknowledged -= string.length;
    });
  }

  /** Notes the arrival of a request and its messages. */
  accept(rid: number, { first, frames }: Batch): void {
    if (rid === this.rid) this.rid++;
    this.expected = Math.max(this.expected, first + frames.length);
  }

  /** Answers a message after the end as if the session were open: the client is about to poll, and will read that it is over. */
  ignore(response: ServerResponse): void {
    const status = JSON.stringify([1, this.socket._lastSentArrayId, 0]);
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`${status.length}\n${status}`);
  }

  destroy(): void {
    this.closing = true;
    this.socket._backChannel?.res.destroy();
    this.socket.close('Cut');
  }

  /** The client has terminated its session. A request that it aborted before that, and whose turn it would be, never comes. */
  terminated(): void {
    if (this.socket.state !== 'closed') this.setDeadline(() => this.socket.close('Disconnected'));
  }

  /** Closes without a message to the client. */
  hangUp(): void {
    const { res: response } = this.socket._backChannel ?? {};
    this.socket.close();
    if (response !== undefined && !response.writableFinished) destroyLate(response, this.scheduler);
  }

  /** Tells the client first: when the framework closes, it drops what it has not sent. */
  protected override doClose(): void {
    this.socket.stop(() => this.hangUp());
    this.setDeadline(() => this.hangUp());
  }
}
