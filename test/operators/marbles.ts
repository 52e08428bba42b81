import { defer, from, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

export type Marbles = Parameters<Parameters<TestScheduler['run']>[0]>[0] & { scheduler: TestScheduler };

/** A test in virtual time, one frame a millisecond. */
export function marbles(test: (helpers: Marbles) => void): () => void {
  return () => {
    expect.hasAssertions();
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toStrictEqual(expected));
    scheduler.run((helpers) => test({ ...helpers, scheduler }));
  };
}

export interface Endless {
  source: Observable<number>;
  /** Returns how many values it has emitted. */
  pulled: () => number;
}

/** 0, 1, 2, … all at once, until it is unsubscribed from. */
export function endless(): Endless {
  let pulled = 0;
  function* numbers(): Generator<number> {
    while (true) {
      if (pulled === 1000) throw new Error('The source was not stopped');
      yield pulled++;
    }
  }
  return { source: defer(() => from(numbers())), pulled: () => pulled };
}
