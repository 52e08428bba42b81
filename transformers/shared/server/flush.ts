import { inSlices } from '../../../src/server/in-slices.js';

/** A link that gathers the frames of a tick. */
export interface Flushable {
  flush(): void;
}

let gathering: Flushable[] = [];

/**
 * Flushes a link at the end of this tick: the frames of one tick leave in one write. Each write is a system call, so many
 * thousands of links take several turns, and frames sent meanwhile join those that wait.
 */
export function flushAtEndOfTick(link: Flushable): void {
  if (gathering.push(link) === 1) process.nextTick(endTick);
}

function endTick(): void {
  const links = gathering;
  gathering = [];
  inSlices(links, flush);
}

function flush(link: Flushable): void {
  link.flush();
}
