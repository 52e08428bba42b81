import type { Observer, Unsubscribable } from 'rxjs';
import { dropped, LinkError } from '../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../src/core/link.js';
import type { MemoryNetwork } from './network.js';

/** One end of a link in memory. */
export class MemoryLink implements Link {
  peer!: MemoryLink;
  private open = true;
  private paused = false;
  private observer: Partial<Observer<Frame>> = NO_OBSERVER;
  private inbox: Frame[] = [];
  private ending: LinkError | 'clean' | undefined;
  /** How it ended, while nobody has been told. */
  private untold: LinkError | 'clean' | undefined;
  private waiting = 0;
  private readonly network: MemoryNetwork;
  private readonly maxLength: number;

  constructor(network: MemoryNetwork, maxLength: number) {
    this.network = network;
    this.maxLength = maxLength;
  }

  get socket(): this {
    return this;
  }

  get bufferedAmount(): number {
    return this.peer.waiting;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    if (this.untold !== undefined) this.tell(this.untold);
    return {
      unsubscribe: () => {
        this.observer = NO_OBSERVER;
      },
    };
  }

  send(frame: Frame): void {
    if (!this.open) return;
    this.peer.waiting += frame.length;
    this.network.scheduler.schedule(() => this.peer.arrive(frame), this.network.latency);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.read();
  }

  close(code = 1000, reason = ''): void {
    if (!this.open) return;
    this.open = false;
    const end = code === 1000 ? 'clean' : dropped(code, reason);
    this.network.scheduler.schedule(() => {
      this.peer.ending = end;
      this.peer.read();
      this.end(end);
    }, this.network.latency);
  }

  destroy(): void {
    const { peer } = this;
    this.drop(dropped(1006, 'destroyed'));
    this.network.scheduler.schedule(() => peer.drop(dropped(1006, 'cut by the peer')), this.network.latency);
  }

  /** The line is gone, and what was on it with it. */
  drop(error: LinkError): void {
    this.inbox = [];
    this.end(error);
  }

  private arrive(frame: Frame): void {
    if (!this.network.has(this)) return;
    if (frame.length > this.maxLength) {
      this.drop(dropped(1009, 'too long', new LinkError('ERR_PRIMUS_DROPPED', `A message of ${frame.length} exceeds maxLength`)));
      this.peer.drop(dropped(1009, 'too long'));
      return;
    }
    this.inbox.push(frame);
    this.read();
  }

  private read(): void {
    while (!this.paused && this.inbox.length > 0) {
      const frame = this.inbox.shift() as Frame;
      this.waiting -= frame.length;
      this.observer.next?.(frame);
    }
    if (this.inbox.length === 0 && this.ending !== undefined) this.end(this.ending);
  }

  private end(how: LinkError | 'clean'): void {
    if (!this.network.has(this)) return;
    this.open = false;
    this.network.gone(this);
    if (this.observer === NO_OBSERVER) this.untold = how;
    else this.tell(how);
  }

  private tell(how: LinkError | 'clean'): void {
    this.untold = undefined;
    if (how === 'clean') this.observer.complete?.();
    else this.observer.error?.(how);
  }
}
