import { TestScheduler } from 'rxjs/testing';
import { describe, expectTypeOf, it } from 'vitest';
import type { Primus as Client } from '../../client/primus.js';
import type { Primus } from '../../src/index.js';
import { createTestWorld, type TestWorld } from '../../src/testing.js';
import { anything } from './anything.js';

type Question = { ask: string };
type Answer = { say: string };

// What is tested is what compiles.
const world: TestWorld<Question, Answer> = anything;
const timers: { advanceTimersByTimeAsync(ms: number): Promise<void> } = anything;

describe('the kit for tests', () => {
  it('has the types of the messages on both ends', () => {
    () => {
      expectTypeOf(world.server).toEqualTypeOf<Primus<Question, Answer>>();
      expectTypeOf(world.client()).toEqualTypeOf<Client<Answer, Question>>();
      expectTypeOf(world.start()).toEqualTypeOf<Primus<Question, Answer>>();
      world.client().write({ ask: 'how much?' });
      // @ts-expect-error That is what the server sends.
      world.client().write({ say: 'two' });
      createTestWorld<Question, Answer>({ setup: (primus) => expectTypeOf(primus).toEqualTypeOf<Primus<Question, Answer>>() });
    };
  });

  it('takes clocks, fake timers and scripts, and nothing else', () => {
    () => {
      createTestWorld({ scheduler: new TestScheduler(() => {}), latency: 10, seed: 2 });
      createTestWorld({ timers });
      // @ts-expect-error No clock.
      createTestWorld({ scheduler: 'fast' });
      // @ts-expect-error A misspelt option.
      createTestWorld({ latncy: 10 });
      // @ts-expect-error Times are numbers.
      createTestWorld({ latency: '10 ms' });
      expectTypeOf(world.play('1s c 1s h |', { x: () => {} })).toEqualTypeOf<Promise<void>>();
      // @ts-expect-error A step is a function.
      world.play('x', { x: 1 });
      // @ts-expect-error An end that there is not.
      world.network.halfOpen({ noticed: 'both' });
    };
  });
});
