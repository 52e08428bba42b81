import type { Observer } from 'rxjs';
import type { Platform, WebSocketLike } from '../../../client/platform/platform.js';
import { dropped, type LinkError, unopened } from '../../../src/core/errors.js';
import type { Link } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { rejectionOf } from './errors.js';

/** What one connection's transports and its link know of each other. */
export class Dial {
  readonly search: string;
  readonly target: Target<Platform>;
  /** Longest message that is taken from a WebSocket: the engine puts a character of its own before each. */
  readonly maxPayload: number;
  isOpen = false;
  /** Told why the server refused a WebSocket. */
  refused: ((error: LinkError) => void) | undefined;
  websocket: WebSocketLike | undefined;
  /** While true, no poll begins. */
  paused = false;
  private poll: (() => void) | undefined;
  private carrier: { destroy(): void } | undefined;
  private readonly requests = new Set<{ _xhr?: { abort(): void } | null }>();

  constructor(target: Target<Platform>, longest: number) {
    this.target = target;
    this.search = new URL(target.url).search.slice(1);
    this.maxPayload = longest + 1;
  }

  opened(link: Link, subscriber: Observer<Link>): void {
    this.isOpen = true;
    subscriber.next(link);
  }

  /** Has the subscriber told that it will not open; hands back how to hang up. */
  watch(link: Link, subscriber: Observer<Link>, socket: unknown): () => void {
    this.refused = (error) => subscriber.error(error);
    link.subscribe({
      error: (cause) => subscriber.error(rejectionOf(cause) ?? unopened(cause)),
      complete: () => subscriber.error(unopened(dropped())),
    });
    this.target.dialled(socket);
    return () => {
      if (!this.isOpen) link.destroy();
    };
  }

  /** What the requests go through, where the platform has such a thing. */
  agent(secure: boolean): unknown {
    this.carrier = this.target.platform.agent?.(secure);
    return this.carrier ?? false;
  }

  begin(poll: () => void): void {
    if (this.paused) this.poll = poll;
    else poll();
  }

  release(): void {
    const { poll } = this;
    this.poll = undefined;
    poll?.();
  }

  /** Remembers a request for as long as it runs. */
  track(request: { on(event: 'success' | 'error', done: () => void): unknown }): void {
    const running = request as { _xhr?: { abort(): void } | null };
    this.requests.add(running);
    const done = () => void this.requests.delete(running);
    request.on('success', done);
    request.on('error', done);
  }

  /** The engine's own `abort` forgets a request, and leaves it running; in Node, aborting one kills the process. */
  abort(): void {
    if (this.carrier) this.carrier.destroy();
    else for (const { _xhr } of this.requests) _xhr?.abort();
    this.requests.clear();
    this.websocket?.terminate?.();
  }
}
