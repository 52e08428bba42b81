import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/core/event-queue.js';

/** An event with what its listeners cause: the events that each of them adds. */
interface Cause {
  /** Whether it is emitted by a plain call between `begin` and `end`, where that is possible. */
  readonly isPlain: boolean;
  readonly caused: readonly (readonly Cause[])[];
}

const { cause } = fc.letrec<{ cause: Cause; leaf: Cause; node: Cause }>((tie) => ({
  cause: fc.oneof({ maxDepth: 6, withCrossShrink: true }, tie('leaf'), tie('node')),
  leaf: fc.record({ isPlain: fc.boolean(), caused: fc.constant([]) }),
  node: fc.record({ isPlain: fc.boolean(), caused: fc.array(fc.array(tie('cause'), { maxLength: 3 }), { maxLength: 3 }) }),
}));

/** Emits events to listeners, and notes the order in which they are caused and in which each listener receives them. */
class Subject {
  readonly queue = new EventQueue();
  readonly order: number[] = [];
  readonly received: [event: number, listener: number][] = [];
  readonly #listeners: number;

  constructor(listeners: number) {
    this.#listeners = listeners;
  }

  add({ isPlain, caused }: Cause): void {
    const event = this.order.push(this.order.length) - 1;
    const emit = () => {
      for (let listener = 0; listener < this.#listeners; listener++) {
        this.received.push([event, listener]);
        for (const next of caused[listener] ?? []) this.add(next);
      }
    };
    if (isPlain && this.queue.begin()) {
      emit();
      this.queue.end();
    } else this.queue.add(emit);
  }
}

describe('EventQueue', () => {
  it('emits each event to all listeners before the next one, in the order of the causes, whatever the listeners cause', () => {
    fc.assert(
      fc.property(fc.array(cause, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 3 }), (causes, listeners) => {
        const subject = new Subject(listeners);
        for (const each of causes) {
          subject.add(each);
          // While no event is being emitted, everything is emitted before `add` returns.
          expect(subject.received).toHaveLength(subject.order.length * listeners);
        }
        const expected = subject.order.flatMap((event) => Array.from({ length: listeners }, (_, listener) => [event, listener]));
        expect(subject.received).toEqual(expected);
      }),
    );
  });

  it('emits an event at once while no other one is being emitted', () => {
    const queue = new EventQueue();
    const log: string[] = [];
    queue.add(() => log.push('a'));
    log.push('returned');
    expect(log).toEqual(['a', 'returned']);
  });

  it('refuses a plain call while an event is being emitted, and allows the next one after it', () => {
    const queue = new EventQueue();
    const allowed: boolean[] = [];
    queue.add(() => allowed.push(queue.begin()));
    allowed.push(queue.begin());
    queue.end();
    allowed.push(queue.begin());
    expect(allowed).toEqual([false, true, true]);
  });

  it('emits the events behind one that throws, and throws its error', () => {
    const queue = new EventQueue();
    const log: string[] = [];
    const emits = (name: string) => () => void log.push(name);
    const throws = (name: string) => () => {
      throw new Error(name);
    };
    const first = () => {
      for (const emit of [emits('a'), throws('b'), emits('c'), throws('d'), emits('e')]) queue.add(emit);
      throw new Error('first');
    };
    expect(() => queue.add(first)).toThrow();
    queue.add(emits('f'));
    expect(log).toEqual(['a', 'c', 'e', 'f']);
  });

  it('emits 100,000 events that cause each other without growing the stack', () => {
    const queue = new EventQueue();
    let emitted = 0;
    const next = () => {
      if (++emitted < 100_000) queue.add(next);
    };
    queue.add(next);
    expect(emitted).toBe(100_000);
  });
});
