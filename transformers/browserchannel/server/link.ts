import type { ServerResponse } from 'node:http';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import type { Host } from '../../../src/server/http/host.js';
import { inSlices } from '../../../src/server/in-slices.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { HttpLink } from '../../shared/server/http-link.js';
import { nodeBytes } from '../../shared/server/node-bytes.js';
import { encodeString } from '../../shared/string-frames.js';
import type { BrowserChannelSession } from './framework.js';
import type { Batch } from './messages.js';

/** The number of characters after which the framework completes a response. The client acknowledges it with its next request. */
const ANSWER = 10_240;

/** A BrowserChannel connection as a link. */
export class BrowserChannelLink extends HttpLink {
  readonly socket: BrowserChannelSession;
  /** The number of the request whose turn it is. */
  rid: number;
  /** The number of the message that comes next. */
  expected = 0;
  /** The answer to the newest poll, until it has left. */
  #answer: ServerResponse | undefined;
  /** The number of characters that the client has not acknowledged, sent or not. */
  #unacknowledged = 0;
  /** The reports of the session that wait, the one under way first. */
  readonly #reports: (() => void)[] = [];

  constructor(socket: BrowserChannelSession, rid: number, { scheduler, maxLength }: Pick<Host, 'maxLength' | 'scheduler'>) {
    super(scheduler, maxLength);
    this.socket = socket;
    this.rid = rid;
    // The endpoint has checked its length.
    socket.on('message', (frame: Frame | undefined) => frame !== undefined && this.#add(() => this.received(frame, false)));
    socket.on('close', (message?: string) =>
      this.#add(() => this.closed(this.closing || message === 'Disconnected' ? undefined : dropped(undefined, message))),
    );
  }

  /** The buffered data. Sent data that is not acknowledged counts when it exceeds one response: the client should have polled again. */
  get bufferedAmount(): number {
    const { _lastArrayId: last, _lastSentArrayId: sent } = this.socket;
    return (sent < last || this.#unacknowledged > ANSWER ? this.#unacknowledged : 0) + (this.#answer?.writableLength ?? 0);
  }

  send(frame: Frame): void {
    if (this.ended || this.closing) return;
    const string = encodeString(frame, nodeBytes);
    this.#unacknowledged += string.length;
    this.socket.send(string, () => {
      this.#unacknowledged -= string.length;
    });
  }

  /** Takes what the session reports in order, in slices of time: one request may have a thousand long messages. */
  #add(report: () => void): void {
    this.#reports.push(report);
    if (this.#reports.length === 1) inSlices(this.#nextReports(), (next) => next());
  }

  *#nextReports(): Generator<() => void> {
    for (let [next] = this.#reports; next !== undefined; [next] = this.#reports) {
      yield next;
      this.#reports.shift();
    }
  }

  /** Notes the arrival of a request and its messages. */
  accept(rid: number, { first, frames }: Batch): void {
    if (rid === this.rid) this.rid++;
    this.expected = Math.max(this.expected, first + frames.length);
  }

  /** Notes a poll, which takes the place of the one before: an answer that was not read is sent again in this one. */
  polled(response: ServerResponse): void {
    if (this.#answer !== undefined && this.#answer.writableLength > 0) this.#answer.destroy();
    this.#answer = response;
    response.once('close', () => {
      if (this.#answer === response) this.#answer = undefined;
    });
  }

  /** Answers a message after the end as if the session were open: the client is about to poll, and will read that the session has ended. */
  ignore(response: ServerResponse): void {
    const status = JSON.stringify([1, this.socket._lastSentArrayId, 0]);
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`${status.length}\n${status}`);
  }

  destroy(): void {
    this.closing = true;
    this.#answer?.destroy();
    this.socket.close('Terminated');
  }

  /** Ends the session that the client has terminated, also when an earlier request, which the client aborted, never arrives. */
  terminated(): void {
    if (this.socket.state !== 'closed') this.setDeadline(() => this.socket.close('Disconnected'));
  }

  /** Closes without a message to the client. */
  closeSilently(): void {
    const { res: response } = this.socket._backChannel ?? {};
    this.socket.close();
    if (response !== undefined && !response.writableFinished) destroyLate(response, this.scheduler);
  }

  /** Sends a message to the client first: when the framework closes, it drops what it has not sent. */
  protected override doClose(): void {
    this.socket.stop(() => this.closeSilently());
    this.setDeadline(() => this.closeSilently());
  }
}
