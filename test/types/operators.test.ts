import { type MonoTypeOperatorFunction, type Observable, type OperatorFunction, of, type SchedulerLike } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import type { ClientOptions } from '../../client/options.js';
import {
  type BackoffOptions,
  backoff,
  bufferWhile,
  composePolicy,
  constant,
  decorrelatedJitter,
  type ExponentialOptions,
  equalJitter,
  exponential,
  fullJitter,
  interactive,
  mapInOrder,
  type Policy,
  type PolicyRule,
  pulse,
  type ReconnectEvent,
  reconnect,
  stopOn,
  untilStable,
  values,
  watchdog,
  withRetryAfter,
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

  it('every policy is made with defaults for everything but the delay of constant', () => {
    () => {
      for (const policy of [exponential(), fullJitter(), equalJitter(), decorrelatedJitter(), constant('5 s'), interactive()])
        expectTypeOf(policy).toEqualTypeOf<Policy>();
      expectTypeOf<BackoffOptions>().toEqualTypeOf<ExponentialOptions>();
      expectTypeOf(backoff).toEqualTypeOf(exponential);
      fullJitter({ base: '1 s', max: 30_000, factor: 3, retries: Infinity, random: () => 0.5 });
      decorrelatedJitter({ min: 100 });
      // @ts-expect-error A constant policy needs its delay.
      constant();
      // @ts-expect-error The ceiling of a jittered policy is its base.
      fullJitter({ min: '1 s' });
      // @ts-expect-error A source of random numbers is a function.
      equalJitter({ random: 0.5 });
    };
  });

  it('any function of a number, an error and a delay is a policy', () => {
    () => {
      expectTypeOf<(attempt: number) => number>().toExtend<Policy>();
      expectTypeOf<(attempt: number, error: unknown, previous?: number) => number | false>().toExtend<Policy>();
      expectTypeOf<Parameters<Policy>>().toEqualTypeOf<[attempt: number, error?: unknown, previous?: number | undefined]>();
      expectTypeOf<Policy['stable']>().toEqualTypeOf<number | undefined>();
      expectTypeOf<Policy['retryAfter']>().toEqualTypeOf<boolean | undefined>();
      // @ts-expect-error The error may be anything.
      ((_attempt: number, error: Error) => error.message.length) satisfies Policy;
      // @ts-expect-error `true` is no delay.
      (() => true) satisfies Policy;
      // @ts-expect-error A rule sets it.
      exponential().stable = 1;
    };
  });

  it('rules make policies of policies, and are composed', () => {
    () => {
      for (const rule of [withRetryAfter(), untilStable('10 s'), stopOn(401)]) expectTypeOf(rule).toEqualTypeOf<PolicyRule>();
      expectTypeOf(composePolicy(fullJitter())).toEqualTypeOf<Policy>();
      expectTypeOf(composePolicy(() => 1_000, withRetryAfter(), untilStable(1), stopOn(401, 'ENOTFOUND'))).toEqualTypeOf<Policy>();
      composePolicy(exponential(), (policy) => (attempt, error) => policy(attempt, error) && 1);
      stopOn((error) => error instanceof SyntaxError);
      withRetryAfter({ retryAfter: (error) => (error instanceof Error ? 1_000 : undefined), spread: 1 });
      // @ts-expect-error The policy comes first.
      composePolicy(withRetryAfter(), exponential());
      // @ts-expect-error A rule, not a policy.
      composePolicy(exponential(), constant(1));
      // @ts-expect-error A predicate answers true or false.
      stopOn(() => 'yes');
      // @ts-expect-error A rule needs its time.
      untilStable();
    };
  });

  it('a policy is an argument of reconnect, and an option of clients', () => {
    () => {
      expectTypeOf(of('a').pipe(reconnect(interactive()))).toEqualTypeOf<Observable<ReconnectEvent<string>>>();
      expectTypeOf(
        of('a').pipe(
          reconnect((attempt) => attempt < 3 && 100),
          values(),
        ),
      ).toEqualTypeOf<Observable<string>>();
      ({ reconnect: interactive() }) satisfies ClientOptions;
      ({ reconnect: composePolicy(fullJitter({ max: '1 minute' }), stopOn(404)) }) satisfies ClientOptions;
      ({ reconnect: { max: '30 s', retries: Infinity } }) satisfies ClientOptions;
      // @ts-expect-error The call makes the policy.
      reconnect(interactive);
      // @ts-expect-error A rule is no policy.
      reconnect(withRetryAfter());
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
