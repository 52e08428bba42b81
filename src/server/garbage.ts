import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';

/** The bytes of garbage after which V8 is made to collect it. */
const FEW = 4_194_304;

/** The part of the heap that may be garbage: the larger it is, the longer a collection takes. */
const PART = 4;

/** The growth of buffers, in bytes, after which V8 collects by itself. */
const MANY = 67_108_864;

/** More than that, and so much that the system maps pages for it alone, which take no memory until something is written there. */
const UNTOUCHED = 70_000_000;

let discarded = 0;
let limit = FEW;
let isDue = false;

/**
 * Counts bytes of a message that nothing refers to any more.
 *
 * Each byte that arrives is there several times: in a segment, a buffer and a string. V8 counts the bytes of buffers when it makes them, but
 * looks for garbage only when they are 64 MB more than before. A buffer that is never used makes it look earlier, step by step as always, and
 * needs no flag of the process. It is made when this turn is over: what is created after V8 has begun to look counts as used, and the message may
 * be handed out later in this turn.
 */
export function discard(bytes: number): void {
  discarded += bytes;
  if (discarded < limit) return;
  discarded = 0;
  limit = Math.max(FEW, process.memoryUsage().heapUsed / PART);
  if (limit >= MANY || isDue) return;
  isDue = true;
  setImmediate(collect);
}

function collect(): void {
  isDue = false;
  allocate(UNTOUCHED);
}

/** Those that wait for V8 to collect. */
const waiting = new Set<() => void>();

/** Created when the first one waits: V8 reports every collection to it. */
let observer: PerformanceObserver | undefined;

/** Calls back when V8 has collected the garbage of its whole heap. Returns a function that gives up. */
export function whenCollected(done: () => void): () => void {
  observer ??= new PerformanceObserver((list) => {
    if (list.getEntries().some(isOfWholeHeap)) finish();
  });
  if (waiting.size === 0) observer.observe({ entryTypes: ['gc'] });
  waiting.add(done);
  return () => {
    if (waiting.delete(done) && waiting.size === 0) observer?.disconnect();
  };
}

function isOfWholeHeap(entry: object): boolean {
  return (entry as { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

function finish(): void {
  const all = [...waiting];
  waiting.clear();
  observer?.disconnect();
  for (const done of all) done();
}

/** Whether V8 is made to collect early: not where its heap is so large that this takes long. */
export function collectsEarly(): boolean {
  return limit < MANY;
}

function allocate(length: number): void {
  try {
    new ArrayBuffer(length);
  } catch {
    // The process may not have so many addresses. V8 has collected what it could before it gave up.
  }
}
