import type { Observer } from 'rxjs';
import type { Platform, WebSocketLike } from '../../../client/platform/platform.js';
import { dropped, type LinkError, unopened } from '../../../src/core/errors.js';
import type { Link } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { rejectionOf } from './errors.js';

/** One attempt to connect: it ties the engine's transports to the link. */
export class Dial {
  readonly search: string;
  readonly target: Target<Platform>;
  /** The longest message that a WebSocket accepts, in bytes: the engine puts a character of its own before each. */
  readonly maxPayload: number;
  isOpen = false;
  /** Called when the server rejects a WebSocket. */
  rejected: ((error: LinkError) => void) | undefined;
  websocket: WebSocketLike | undefined;
  /** Whether polls wait. */
  paused = false;
  #poll: (() => void) | undefined;
  #agent: { destroy(): void } | undefined;
  readonly #requests = new Set<{ _xhr?: { abort(): void } | null }>();

  constructor(target: Target<Platform>, longest: number) {
    this.target = target;
    this.search = new URL(target.url).search.slice(1);
    this.maxPayload = longest + 1;
  }

  opened(link: Link, subscriber: Observer<Link>): void {
    this.isOpen = true;
    subscriber.next(link);
  }

  /** Reports to the subscriber when the link does not open. Returns a function that abandons it. */
  watch(link: Link, subscriber: Observer<Link>, socket: unknown): () => void {
    this.rejected = (error) => subscriber.error(error);
    link.subscribe({
      error: (cause) => subscriber.error(rejectionOf(cause) ?? unopened(cause)),
      complete: () => subscriber.error(unopened(dropped())),
    });
    this.target.dialled(socket);
    return () => {
      if (!this.isOpen) link.destroy();
    };
  }

  /** Returns the agent of the requests, where the platform has agents. */
  agent(secure: boolean): unknown {
    this.#agent = this.target.platform.agent?.(secure);
    return this.#agent ?? false;
  }

  /** Begins a poll, once the link is not paused. */
  begin(poll: () => void): void {
    if (this.paused) this.#poll = poll;
    else poll();
  }

  /** Begins the poll that waits. */
  release(): void {
    const poll = this.#poll;
    this.#poll = undefined;
    poll?.();
  }

  /** Keeps a request while it runs. */
  track(request: { on(event: 'success' | 'error', done: () => void): unknown }): void {
    const running = request as { _xhr?: { abort(): void } | null };
    this.#requests.add(running);
    const done = () => void this.#requests.delete(running);
    request.on('success', done);
    request.on('error', done);
  }

  /** Aborts the requests. The engine's own `abort` leaves them running; aborting one by itself crashes the process in Node.js. */
  abort(): void {
    if (this.#agent) this.#agent.destroy();
    else for (const { _xhr } of this.#requests) _xhr?.abort();
    this.#requests.clear();
    this.websocket?.terminate?.();
  }
}
