import { type MonoTypeOperatorFunction, type Observable, type OperatorFunction, of, type SchedulerLike } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import { backoff, bufferWhile, mapInOrder, type Policy, pulse, reconnect, watchdog } from '../../operators/index.js';

// Never run: what is tested is what compiles.
declare const scheduler: SchedulerLike;
declare const gate: Observable<boolean>;

describe('the operators', () => {
  it('hold, reconnect and watchdog leave the type alone', () => {
    () => {
      expectTypeOf(bufferWhile<number>({ gate })).toEqualTypeOf<MonoTypeOperatorFunction<number>>();
      expectTypeOf(of(1).pipe(bufferWhile({ gate }))).toEqualTypeOf<Observable<number>>();
      expectTypeOf(of('a').pipe(watchdog({ due: 1, error: () => null, scheduler }))).toEqualTypeOf<Observable<string>>();
      expectTypeOf(of('a').pipe(reconnect({ policy: () => 1, scheduler }))).toEqualTypeOf<Observable<string>>();
      bufferWhile<number>({ gate, dropped: (value) => expectTypeOf(value).toEqualTypeOf<number>(), buffer: [1] });
      // @ts-expect-error The gate opens and closes by true and false.
      bufferWhile({ gate: of(1) });
      // @ts-expect-error A buffer of other values does not fit.
      bufferWhile<number>({ gate, buffer: ['a'] });
      // @ts-expect-error The clock is a parameter.
      watchdog({ due: 1, error: () => null });
      // @ts-expect-error The clock is a parameter.
      reconnect({ policy: () => 1 });
      // @ts-expect-error A policy answers at once.
      reconnect({ policy: async () => 1, scheduler });
    };
  });

  it('through maps, at once or later', () => {
    () => {
      expectTypeOf(mapInOrder((value: number) => String(value))).toEqualTypeOf<OperatorFunction<number, string>>();
      expectTypeOf(of(1).pipe(mapInOrder((value) => of(value > 0)))).toEqualTypeOf<Observable<boolean>>();
    };
  });

  it('backoff makes a policy, of a randomness that is given', () => {
    () => {
      expectTypeOf(backoff({ random: Math.random })).toEqualTypeOf<Policy>();
      expectTypeOf<ReturnType<Policy>>().toEqualTypeOf<number | false>();
      // @ts-expect-error Randomness is a parameter.
      backoff({});
    };
  });

  it('pulse tells slots', () => {
    () => {
      expectTypeOf(pulse({ period: 1, scheduler })).toEqualTypeOf<Observable<number>>();
      // @ts-expect-error The clock is a parameter.
      pulse({ period: 1 });
    };
  });
});
