import { setImmediate } from 'node:timers';
import { inSlices } from '../../../src/server/in-slices.js';

/** A link that gathers the frames of a tick. */
export interface Flushable {
  flush(): void;
}

let gathering: Flushable[] = [];
/** Those that wait for a later turn. */
const unfinished = new Set<Flushable[]>();
let isWatching = false;

/**
 * Flushes a link at the end of this tick: the frames of one tick leave in one write. Each write is a system call, so many
 * thousands of links take several turns, and frames sent meanwhile join those that wait. Nothing waits when the process exits.
 */
export function flushAtEndOfTick(link: Flushable): void {
  if (gathering.push(link) > 1) return;
  process.nextTick(endTick);
  if (!isWatching) process.on('exit', flushAll);
  isWatching = true;
}

function endTick(): void {
  const links = gathering;
  gathering = [];
  inSlices(links, flush, {
    later(work) {
      unfinished.add(links);
      setImmediate(work);
    },
    done: () => unfinished.delete(links),
  });
}

function flushAll(): void {
  for (const links of [...unfinished, gathering]) links.forEach(flush);
}

function flush(link: Flushable): void {
  link.flush();
}
