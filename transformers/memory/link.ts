import type { SchedulerLike, Unsubscribable } from 'rxjs';
import { tooLong } from '../../src/core/close-reasons.js';
import { dropped, LinkError } from '../../src/core/errors.js';
import { type Frame, type LinkObserver, NO_OBSERVER } from '../../src/core/link.js';
import { LinkBase } from '../shared/link-base.js';

/** The part of a network that its links use. */
export interface Carrier {
  /** The time that a frame takes, in ms. */
  readonly latency: number;
  readonly scheduler: SchedulerLike;
  /** Whether the network takes a frame that a link sends. A frame that it does not take is lost. */
  takes(from: MemoryLink, frame: Frame): boolean;
  /** Lets something arrive at a link, behind everything that is under way to it. */
  carry(to: MemoryLink, arrive: () => void): void;
  /** Whether a link is alive. */
  has(link: MemoryLink): boolean;
  /** Removes a link that has ended. */
  remove(link: MemoryLink): void;
}

/** One end of a link in memory. */
export class MemoryLink extends LinkBase {
  peer!: MemoryLink;
  private isOpen = true;
  private paused = false;
  private inbox: Frame[] = [];
  /** The end that the peer has sent after its frames. */
  private ending: LinkError | 'clean' | undefined;
  /** The end of a link that had no observer. */
  private unobserved: LinkError | 'clean' | undefined;
  private waiting = 0;
  private readonly carrier: Carrier;
  private readonly maxLength: number;

  constructor(carrier: Carrier, maxLength: number) {
    super();
    this.carrier = carrier;
    this.maxLength = maxLength;
  }

  get socket(): this {
    return this;
  }

  get bufferedAmount(): number {
    return this.peer.waiting;
  }

  override subscribe(observer: Partial<LinkObserver>): Unsubscribable {
    const subscription = super.subscribe(observer);
    const { unobserved } = this;
    this.unobserved = undefined;
    if (unobserved !== undefined) this.emitEnd(unobserved === 'clean' ? undefined : unobserved);
    return subscription;
  }

  send(frame: Frame): void {
    const { carrier, peer } = this;
    if (!this.isOpen || !carrier.takes(this, frame)) return;
    peer.waiting += frame.length;
    carrier.carry(peer, () => peer.arrive(frame));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.read();
  }

  close(code = 1000, reason = ''): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { carrier, peer } = this;
    const end = code === 1000 ? 'clean' : dropped(code, reason);
    carrier.carry(peer, () => {
      peer.ending = end;
      peer.read();
    });
    carrier.scheduler.schedule(() => this.end(end), carrier.latency);
  }

  destroy(): void {
    const { carrier, peer } = this;
    this.drop(dropped(1006, 'destroyed'));
    carrier.carry(peer, () => peer.drop(dropped(1006, 'destroyed by the peer')));
  }

  /** Ends the link with an error; frames that are under way are lost. */
  drop(error: LinkError): void {
    this.inbox = [];
    this.end(error);
  }

  private arrive(frame: Frame): void {
    if (!this.carrier.has(this)) return;
    if (frame.length * 3 > this.maxLength && byteLength(frame) > this.maxLength) {
      const cause = new LinkError('ERR_PRIMUS_DROPPED', `A message exceeds maxLength (${this.maxLength} bytes)`);
      this.drop(dropped(1009, tooLong(this.maxLength), cause));
      this.peer.drop(dropped(1009, tooLong(this.maxLength)));
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
    if (!this.carrier.has(this)) return;
    this.isOpen = false;
    this.carrier.remove(this);
    if (this.observer === NO_OBSERVER) this.unobserved = how;
    else this.emitEnd(how === 'clean' ? undefined : how);
  }
}

/** Counts the bytes of a frame: those of a string in UTF-8. */
function byteLength(frame: Frame): number {
  return typeof frame === 'string' ? new TextEncoder().encode(frame).length : frame.byteLength;
}
