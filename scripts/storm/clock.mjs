import { Subscription } from 'rxjs';

/**
 * A virtual clock for very many timers, as a scheduler for operators. RxJS' own sorts all of them for each new one; this one keeps a heap.
 */
export class Clock {
  #now = 0;
  #order = 0;
  /** A binary heap: what is due first is at the root. */
  #heap = [];

  now() {
    return this.#now;
  }

  schedule(work, delay = 0, state) {
    const action = new Subscription();
    const heap = this.#heap;
    const timer = { time: this.#now + delay, order: this.#order++, work, state, action };
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent], timer)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = timer;
    return action;
  }

  /** Runs what is due until then, in order, what is scheduled meanwhile included; ends early when `isDone` says so. */
  run(until, isDone = () => false) {
    while (this.#heap.length > 0 && this.#heap[0].time <= until && !isDone()) {
      const { time, work, state, action } = this.#take();
      this.#now = time;
      if (!action.closed) work.call(action, state);
    }
  }

  #take() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a, b) {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
