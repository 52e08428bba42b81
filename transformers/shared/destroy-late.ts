import type { SchedulerLike } from 'rxjs';
import { CLOSE_TIMEOUT } from './link-base.js';

/** The part of a stream that is used. */
interface Closable {
  destroy(): void;
  once(event: 'close', listener: () => void): void;
}

/** Destroys a stream that does not close in time, which is in ms. */
export function destroyLate(stream: Closable, scheduler: SchedulerLike, time = CLOSE_TIMEOUT): void {
  const deadline = scheduler.schedule(() => stream.destroy(), time);
  stream.once('close', () => deadline.unsubscribe());
}
