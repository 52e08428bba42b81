import { inSlices } from '../../../src/server/in-slices.js';

/** What gathers what it is to send. */
export interface Flushable {
  flush(): void;
}

let loaded: Flushable[] = [];

/**
 * Has a link flush at the end of this tick: what is sent within one leaves in one write. Each is a system call, so many
 * thousands take several turns, and what is sent meanwhile joins what waits.
 */
export function flushAtEndOfTick(link: Flushable): void {
  if (loaded.push(link) === 1) process.nextTick(endTick);
}

function endTick(): void {
  const links = loaded;
  loaded = [];
  inSlices(links, flush);
}

function flush(link: Flushable): void {
  link.flush();
}
