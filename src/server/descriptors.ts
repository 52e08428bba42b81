import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { clearInterval, setInterval } from 'node:timers';
import { Observable, share } from 'rxjs';

/** The interval at which a descriptor is opened, to find out whether there are any left, in ms. */
const PERIOD = 250;

/** The number of descriptors that must be free again, and the periods until that is looked for: at the limit the state would flap. */
const ENOUGH = 16;
const RECOVERY = 8;

/**
 * Emits whether the process has run out of file descriptors, whenever that changes. At the limit no event says so: Node.js accepts and drops
 * a new connection at once, and uWebSockets.js tries to accept it again and again. One timer of real time serves all servers.
 */
export const exhausted$: Observable<boolean> = new Observable<boolean>((subscriber) => {
  let exhausted = false;
  let periods = 0;
  const timer = setInterval(() => {
    if (exhausted && ++periods % RECOVERY !== 0) return;
    if (canOpen(exhausted ? ENOUGH : 1) !== exhausted) return;
    exhausted = !exhausted;
    subscriber.next(exhausted);
  }, PERIOD).unref();
  return () => clearInterval(timer);
}).pipe(share());

/** Whether so many descriptors are free. */
function canOpen(count: number): boolean {
  const open: number[] = [];
  try {
    while (open.length < count) open.push(openSync(devNull, 'r'));
    return true;
  } catch (error) {
    return !isExhaustion(error);
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}

/** Whether an error says that the process, or the system, has no file descriptors left. */
export function isExhaustion(error: unknown): boolean {
  return /^(?:EMFILE|ENFILE)$/.test(String((error as NodeJS.ErrnoException | null)?.code));
}
