import { type MonoTypeOperatorFunction, type Observable, type OperatorFunction, of, type SchedulerLike } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import {
  backoff,
  bufferWhile,
  mapInOrder,
  type Policy,
  pulse,
  type ReconnectEvent,
  reconnect,
  values,
  watchdog,
} from '../../operators/index.js';

// The compiler checks these tests; the functions are never called.
declare const scheduler: SchedulerLike;
declare const gate: Observable<boolean>;

describe('the operators', () => {
  it('bufferWhile and watchdog leave the type alone', () => {
    () => {
      expectTypeOf(bufferWhile<number>({ gate })).toEqualTypeOf<MonoTypeOperatorFunction<number>>();
      expectTypeOf(of(1).pipe(bufferWhile({ gate }))).toEqualTypeOf<Observable<number>>();
      expectTypeOf(of('a').pipe(watchdog({ due: 1, error: () => null, scheduler }))).toEqualTypeOf<Observable<string>>();
      expectTypeOf(of('a').pipe(watchdog({ due: '1 s' }))).toEqualTypeOf<Observable<string>>();
      bufferWhile<number>({ gate, dropped: (value) => expectTypeOf(value).toEqualTypeOf<number>(), buffer: [1] });
      // @ts-expect-error The gate opens and closes by true and false.
      bufferWhile({ gate: of(1) });
      // @ts-expect-error A buffer of other values does not fit.
      bufferWhile<number>({ gate, buffer: ['a'] });
      // @ts-expect-error A watchdog needs a time.
      watchdog({ scheduler });
    };
  });

  it('reconnect makes events of values, and values takes them out again', () => {
    () => {
      expectTypeOf(of('a').pipe(reconnect())).toEqualTypeOf<Observable<ReconnectEvent<string>>>();
      expectTypeOf(of('a').pipe(reconnect({ policy: () => 1, scheduler }), values())).toEqualTypeOf<Observable<string>>();
      // @ts-expect-error A policy answers at once.
      reconnect({ policy: async () => 1, scheduler });
      of('a')
        .pipe(reconnect())
        .subscribe((event) => {
          // @ts-expect-error Only an event that has a value has one.
          event.value;
          // @ts-expect-error Records do not change.
          if (event.type === 'scheduled') event.attempt.scheduled = 0;
        });
    };
  });

  it('mapInOrder maps, at once or later', () => {
    () => {
      expectTypeOf(mapInOrder((value: number) => String(value))).toEqualTypeOf<OperatorFunction<number, string>>();
      expectTypeOf(of(1).pipe(mapInOrder((value) => of(value > 0)))).toEqualTypeOf<Observable<boolean>>();
    };
  });

  it('backoff makes a policy, with defaults for everything', () => {
    () => {
      expectTypeOf(backoff({ random: Math.random })).toEqualTypeOf<Policy>();
      expectTypeOf(backoff({ min: '1 s', max: 30_000 })).toEqualTypeOf<Policy>();
      expectTypeOf(backoff()).toEqualTypeOf<Policy>();
      expectTypeOf<ReturnType<Policy>>().toEqualTypeOf<number | false>();
      // @ts-expect-error A duration is no date.
      backoff({ min: new Date() });
    };
  });

  it('pulse emits slots', () => {
    () => {
      expectTypeOf(pulse({ period: 1, scheduler })).toEqualTypeOf<Observable<number>>();
      expectTypeOf(pulse({ period: '30 s', slots: 3 })).toEqualTypeOf<Observable<number>>();
      // @ts-expect-error A pulse needs a period.
      pulse({});
    };
  });
});
