import { setImmediate } from 'node:timers';
import { inSlices } from '../../../src/server/in-slices.js';

/** A link that gathers the frames of a tick. */
export interface Flushable {
  flush(): void;
}

let gathering: Flushable[] = [];
/** The link whose bytes are being read. */
let reading: Partial<Flushable> | undefined;
/** Those that wait for a later turn. */
const unfinished = new Set<Flushable[]>();
let isWatching = false;

/**
 * Flushes a link at the end of this tick: the frames of one tick leave in one write. Each write is a system call, so many
 * thousands of links take several turns, and frames sent meanwhile join those that wait. Nothing waits when the process exits.
 */
export function flushAtEndOfTick(link: Flushable): void {
  if (!isWatching) process.on('exit', flushAll);
  isWatching = true;
  if (link !== reading && gathering.push(link) === 1) process.nextTick(endTick);
}

/**
 * Reads bytes that have arrived for a link, and flushes it, if it gathers frames, when they have been read: the answers to a few messages
 * need no other tick. Of reads within a read, the outermost one flushes.
 */
export function flushAfter<Args extends unknown[]>(
  link: Partial<Flushable> | undefined,
  read: (...args: Args) => void,
  ...args: Args
): void {
  const outer = reading;
  reading = link;
  try {
    read(...args);
  } finally {
    reading = outer;
    if (outer !== link) link?.flush?.();
  }
}

function endTick(): void {
  const links = gathering;
  gathering = [];
  const [only] = links;
  if (only !== undefined && links.length === 1) return only.flush();
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
  reading?.flush?.();
}

function flush(link: Flushable): void {
  link.flush();
}
