import {
  BehaviorSubject,
  defer,
  EMPTY,
  type MonoTypeOperatorFunction,
  mergeMap,
  NEVER,
  type Observable,
  of,
  Subject,
  take,
  tap,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../operators/backoff.js';
import { type Attempt, type ReconnectEvent, type ReconnectOptions, reconnect, values } from '../../operators/reconnect.js';
import { endless, marbles } from './marbles.js';

const states = { f: false, t: true };

/** Always the same wait. */
const every =
  (wait: number): Policy =>
  () =>
    wait;

/** One line after the other. */
function dial<T>(...lines: Observable<T>[]): Observable<T> {
  return defer(() => lines.shift() ?? throwError(() => 'no more lines'));
}

type Note = (event: ReconnectEvent<unknown>) => void;

/** The values of the source, over all its subscriptions; `note` hears of every event. */
function reconnected<T>({ note, ...options }: ReconnectOptions & { note?: Note }): MonoTypeOperatorFunction<T> {
  return (source) => source.pipe(reconnect(options), tap({ next: (event) => note?.(event) }), values());
}

/** The events of each attempt, with their time; an attempt as `number+wait since start, duration`. */
function record(scheduler: { now(): number }): { log: string[]; noted: { note: Note } } {
  const log: string[] = [];
  const write = (name: string, attempt: Attempt | null, cause?: unknown) => {
    const of = attempt && `${attempt.attempt}+${attempt.scheduled} since ${attempt.start}, ${attempt.duration}`;
    log.push(`${scheduler.now()} ${name} ${of}${cause === undefined ? '' : `: ${cause}`}`);
  };
  const note: Note = (event) => {
    if (event.type === 'scheduled') write('scheduled', event.attempt, event.error);
    else if (event.type === 'connecting' && event.attempt) write('attempt', event.attempt);
    else if (event.type === 'timed out') write('late', event.attempt, event.error);
    else if (event.type === 'open' && event.attempt) write('reconnected', event.attempt);
    else if (event.type === 'failed') write('failed', event.attempt, event.error);
  };
  return { log, noted: { note } };
}

describe('reconnect', () => {
  describe('the seven standing cases', () => {
    it(
      'values: pass, and the completion is final',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-a-b-|');
        expectObservable(source.pipe(reconnected({ policy: every(3), scheduler }))).toBe('-a-b-|');
        expectSubscriptions(source.subscriptions).toBe('^----!');
      }),
    );

    it(
      'empty: a line that completes without a value completes the result',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-|');
        expectObservable(source.pipe(reconnected({ policy: every(3), scheduler }))).toBe('-|');
        expectSubscriptions(source.subscriptions).toBe('^!');
      }),
    );

    it(
      'error only: another line after the wait',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const first = cold(' -#       ');
        const second = cold('    --a-|');
        const result = '     ------a-|';

        expectObservable(dial(first, second).pipe(reconnected({ policy: every(3), scheduler }))).toBe(result);
        expectSubscriptions(first.subscriptions).toBe(' ^!');
        expectSubscriptions(second.subscriptions).toBe('----^---!');
      }),
    );

    it(
      'error after values: another line after the wait, each time',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const first = cold(' a--#              ');
        const second = cold('      -#          ');
        const third = cold('           --b--|  ');
        const result = '     a------------b--|  ';

        expectObservable(dial(first, second, third).pipe(reconnected({ policy: (attempt) => 2 + attempt, scheduler }))).toBe(result);
        expectSubscriptions(first.subscriptions).toBe(' ^--!');
        expectSubscriptions(second.subscriptions).toBe('------^!');
        expectSubscriptions(third.subscriptions).toBe(' -----------^----!');
      }),
    );

    it(
      'early unsubscribe: from a line',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const first = cold(' -#        ');
        const second = cold('    -a-b-c');
        const unsub = '      --------!';
        const result = '     -----a-b-';

        expectObservable(dial(first, second).pipe(reconnected({ policy: every(3), scheduler })), unsub).toBe(result);
        expectSubscriptions(second.subscriptions).toBe('----^---!');
      }),
    );

    it(
      'early unsubscribe: from a wait, which no line follows',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const first = cold(' a#');
        const second = cold('b');
        const ready$ = cold('t', states);
        const now$ = cold('  ---------x');
        const unsub = '      ---!      ';

        expectObservable(dial(first, second).pipe(reconnected({ policy: every(3), ready$, now$, scheduler })), unsub).toBe('a');
        expectSubscriptions(second.subscriptions).toBe([]);
        expectSubscriptions(ready$.subscriptions).toBe('-^-!');
        expectSubscriptions(now$.subscriptions).toBe('  -^-!');
      }),
    );

    it(
      'chain not broken: an unsubscription passes through it, between operators',
      marbles(({ hot, scheduler, expectObservable, expectSubscriptions }) => {
        const source = hot('-a-b-c-d');
        const unsub = '     ----!---';
        const result = '    -a-b----';
        const same = mergeMap((value: string) => of(value));

        expectObservable(source.pipe(same, reconnected({ policy: every(3), scheduler }), same), unsub).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^---!');
      }),
    );

    it.each([Infinity, 10])('synchronous source stops (limit %d)', (limit) => {
      const scheduler = new VirtualTimeScheduler();
      const { source, pulled } = endless();

      source.pipe(reconnected({ policy: every(3), limit: () => limit, scheduler }), take(1)).subscribe();
      expect(pulled()).toBe(1);
      expect(scheduler.actions).toEqual([]);
    });
  });

  describe('a series', () => {
    /** The attempts that the policy is asked about while `lines` fail one after the other. */
    function asked(lines: string[], options: Partial<ReconnectOptions>, expected: number[]): () => void {
      return marbles(({ cold, scheduler, flush, expectObservable }) => {
        const attempts: number[] = [];
        const policy: Policy = (attempt) => {
          attempts.push(attempt);
          return attempts.length === lines.length ? false : 3;
        };
        const source = dial(...lines.map((line) => cold(line)));
        expectObservable(
          source.pipe(
            reconnected({ policy, scheduler, ...options }),
            mergeMap(() => EMPTY),
          ),
        ).toBe(`${time(lines)}ms #`);
        flush();
        expect(attempts).toEqual(expected);
      });
    }

    /** How long they and the waits between them take. */
    function time(lines: string[]): number {
      return lines.reduce((sum, line) => sum + line.length - 1, 3 * (lines.length - 1));
    }

    it('counts its attempts', asked(['#', '-#', '-----#', '#'], {}, [1, 2, 3, 4]));
    it('goes on while lines live shorter than the wait before them', asked(['a#', 'a#', 'a-#', 'a--#'], {}, [1, 2, 3, 1]));
    it('ends with a line that lives as long as the wait before it', asked(['a-#', 'a--#', 'a--#', 'a#'], {}, [1, 1, 1, 2]));
    it('counts the life of a line from its first value', asked(['a#', '-----a-#', '-----a--#'], {}, [1, 2, 1]));
    it('does not end with a line that never emits', asked(['#', '---------#', '---------#'], {}, [1, 2, 3]));
    it('ends after `stable` ms when that is longer than the wait', asked(['#', 'a----#', 'a-----#'], { stable: 5 }, [1, 1, 1]));
    it('goes on before `stable` ms when that is longer than the wait', asked(['#', 'a----#', 'a---#'], { stable: 6 }, [1, 2, 3]));
    it('goes on before the wait is over, however short `stable` is', asked(['#', 'a-#', 'a--#'], { stable: 1 }, [1, 2, 1]));
    it(
      'goes on before the wait would have been over, though it was cut short',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const attempts: number[] = [];
        const policy: Policy = (attempt) => {
          attempts.push(attempt);
          return attempts.length < 4 && 5;
        };
        const source = dial(cold('#'), cold('a---#'), cold('a-----#'), cold('#'));
        expectObservable(
          source.pipe(
            reconnected({ policy, scheduler, now$: cold('-n') }),
            mergeMap(() => EMPTY),
          ),
        );
        flush();
        expect(attempts).toEqual([1, 2, 1, 2]);
      }),
    );

    it(
      'tells the policy what ended the line',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const causes: unknown[] = [];
        const policy: Policy = (_, cause) => {
          causes.push(cause);
          return causes.length < 2 && 3;
        };
        const source = dial(cold('#', {}, 'first'), cold('#', {}, 'second'));
        expectObservable(source.pipe(reconnected({ policy, scheduler }))).toBe('---#', {}, 'second');
        flush();
        expect(causes).toEqual(['first', 'second']);
      }),
    );

    it(
      'reports all that happens, in order',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        const waits = [3, 4, 5];
        const policy: Policy = (attempt) => waits[attempt - 1] ?? false;
        const source = dial(cold('--#'), cold('--#'), cold('-a-#'), cold('b----#'), cold('c---|'));

        expectObservable(source.pipe(reconnected({ policy, scheduler, ...noted }))).toBe('------------a------b-------c---|');
        flush();
        expect(log).toEqual([
          '2 scheduled 1+3 since 2, 0: error',
          '5 attempt 1+3 since 2, 3',
          '7 scheduled 2+4 since 2, 5: error',
          '11 attempt 2+4 since 2, 9',
          '12 reconnected 2+4 since 2, 10',
          '14 scheduled 3+5 since 14, 0: error',
          '19 attempt 3+5 since 14, 5',
          '19 reconnected 3+5 since 14, 5',
          '24 scheduled 1+3 since 24, 0: error',
          '27 attempt 1+3 since 24, 3',
          '27 reconnected 1+3 since 24, 3',
        ]);
      }),
    );

    it(
      'says reconnected once for a line, and never for the first one',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const times: number[] = [];
        const source = dial(cold('ab#'), cold('cd#'), cold('ef|'));
        const note: Note = (event) => event.type === 'open' && event.attempt && times.push(scheduler.now());
        const options = { policy: every(1), scheduler, note };
        expectObservable(source.pipe(reconnected(options))).toBe('ab-cd-ef|');
        flush();
        expect(times).toEqual([3, 6]);
      }),
    );
  });

  describe('giving up', () => {
    it(
      'when the policy says so: the error of the last line follows',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        const policy: Policy = (attempt) => attempt < 2 && 3;
        const source = dial(cold('-#', {}, 'first'), cold('-#', {}, 'second'));

        expectObservable(source.pipe(reconnected({ policy, scheduler, ...noted }))).toBe('-----#', {}, 'second');
        flush();
        expect(log).toEqual(['1 scheduled 1+3 since 1, 0: first', '4 attempt 1+3 since 1, 3', '5 failed 1+3 since 1, 3: second']);
      }),
    );

    it(
      'before the first attempt',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        expectObservable(cold('-#').pipe(reconnected({ policy: () => false, scheduler, ...noted }))).toBe('-#');
        flush();
        expect(log).toEqual(['1 failed null: error']);
      }),
    );

    it(
      'when `when` says so: without a word to the policy or to onFailed',
      marbles(({ cold, scheduler, flush, expectObservable, expectSubscriptions }) => {
        const { log, noted } = record(scheduler);
        const ready$ = cold('t', states);
        const policy: Policy = () => {
          throw new Error('Nobody asked');
        };
        expectObservable(cold('-a#').pipe(reconnected({ policy, when: () => false, ready$, scheduler, ...noted }))).toBe('-a#');
        expectSubscriptions(ready$.subscriptions).toBe([]);
        flush();
        expect(log).toEqual([]);
      }),
    );

    it(
      '`when` knows the error, whether the line was open, and its attempt',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const asked: unknown[] = [];
        const when = (error: unknown, wasOpen: boolean, attempt: Attempt | null) => asked.push([error, wasOpen, attempt?.attempt]) < 4;
        const source = dial(cold('a#', {}, 1), cold('#', {}, 2), cold('b----#', {}, 3), cold('#', {}, 4));

        expectObservable(source.pipe(reconnected({ policy: every(2), when, scheduler }))).toBe('a----b------#', {}, 4);
        flush();
        expect(asked).toEqual([
          [1, true, undefined],
          [2, false, 1],
          [3, true, 2],
          [4, false, 1],
        ]);
      }),
    );

    it.each(['policy', 'when', 'limit'] as const)('when %s throws', (name) => {
      const scheduler = new VirtualTimeScheduler();
      const errors: unknown[] = [];
      const fail = () => {
        throw 'thrown';
      };
      // A limit that throws is the end of a line as any other: what ends it all is `when`.
      const when = (error: unknown) => error !== 'thrown';
      throwError(() => 'dropped')
        .pipe(reconnected({ policy: every(3), when, scheduler, [name]: fail }))
        .subscribe({ error: (error) => errors.push(error) });
      scheduler.flush();
      expect(errors).toEqual(['thrown']);
      expect(scheduler.actions).toEqual([]);
    });
  });

  describe('limit', () => {
    const late = (limit: number) => `later than ${limit}`;

    it(
      'ends a line whose first value does not come in time',
      marbles(({ cold, scheduler, flush, expectObservable, expectSubscriptions }) => {
        const { log, noted } = record(scheduler);
        const first = cold(' -----a                  ');
        const second = cold('       ----b            ');
        const third = cold('              -c--------|');
        const result = '     --------------c--------|';
        const limit = (attempt: Attempt | null) => (attempt === null ? 4 : 4 - attempt.attempt);
        const source = dial(first, second, third);

        expectObservable(source.pipe(reconnected({ policy: every(3), limit, late, scheduler, ...noted }))).toBe(result);
        expectSubscriptions(first.subscriptions).toBe(' ^---!');
        expectSubscriptions(second.subscriptions).toBe('-------^--!');
        expectSubscriptions(third.subscriptions).toBe(' -------------^---------!');
        flush();
        expect(log).toEqual([
          '4 late null: later than 4',
          '4 scheduled 1+3 since 4, 0: later than 4',
          '7 attempt 1+3 since 4, 3',
          '10 late 1+3 since 4, 3: later than 3',
          '10 scheduled 2+3 since 4, 6: later than 3',
          '13 attempt 2+3 since 4, 9',
          '14 reconnected 2+3 since 4, 10',
        ]);
      }),
    );

    it(
      'is over with the first value',
      marbles(({ cold, scheduler, expectObservable }) => {
        const source = cold('--a-----------b');
        expectObservable(source.pipe(reconnected({ policy: every(3), limit: () => 4, late, scheduler }))).toBe('--a-----------b');
      }),
    );

    it(
      'makes an error of its own unless told otherwise',
      marbles(({ cold, scheduler, expectObservable }) => {
        const error = new Error('No value came within 4 ms');
        expectObservable(cold('-').pipe(reconnected({ policy: () => false, limit: () => 4, scheduler }))).toBe('----#', {}, error);
      }),
    );

    it.each([Infinity, 2 ** 31])('of %d ms is none: no timer that fires at once', (limit) => {
      const scheduler = new VirtualTimeScheduler();
      NEVER.pipe(reconnected({ policy: every(3), limit: () => limit, scheduler })).subscribe();
      expect(scheduler.actions).toEqual([]);
    });
  });

  describe('ready$', () => {
    it(
      'that is false pauses, and true begins a new series',
      marbles(({ cold, hot, scheduler, flush, expectObservable, expectSubscriptions }) => {
        const { log, noted } = record(scheduler);
        const lines = [cold('#'), cold('-#'), cold('a')];
        const ready$ = hot('t-----f-t-----', states).pipe((ready) => replayed(ready, true));
        const result = '    -----------a  ';

        expectObservable(dial(...lines).pipe(reconnected({ policy: every(3), ready$, scheduler, ...noted }))).toBe(result);
        expectSubscriptions(lines[2]?.subscriptions ?? []).toBe('-----------^');
        flush();
        expect(log).toEqual([
          '0 scheduled 1+3 since 0, 0: error',
          '3 attempt 1+3 since 0, 3',
          '4 scheduled 2+3 since 0, 4: error',
          '8 scheduled 1+3 since 8, 0: error',
          '11 attempt 1+3 since 8, 3',
          '11 reconnected 1+3 since 8, 3',
        ]);
      }),
    );

    it(
      'that is false at the end of a line asks nobody until it is true',
      marbles(({ cold, hot, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        const ready$ = hot('------t', states);
        expectObservable(dial(cold('-#'), cold('a')).pipe(reconnected({ policy: every(3), ready$, scheduler, ...noted }))).toBe(
          '---------a',
        );
        flush();
        expect(log[0]).toBe('6 scheduled 1+3 since 6, 0: error');
      }),
    );

    it(
      'that says true twice does not schedule twice',
      marbles(({ cold, hot, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        const ready$ = hot('-t-t-t-t-', states);
        expectObservable(dial(cold('#'), cold('a')).pipe(reconnected({ policy: every(4), ready$, scheduler, ...noted }))).toBe('-----a');
        flush();
        expect(log).toHaveLength(3);
      }),
    );

    it(
      'that goes while an attempt is being told of takes it back, and leaves no wait behind',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const ready$ = new BehaviorSubject(true);
        const { log, noted } = record(scheduler);
        const note: Note = (event) => {
          noted.note(event);
          if (event.type !== 'scheduled' || log.length > 1) return;
          ready$.next(false);
          ready$.next(true);
          ready$.next(false);
        };
        const source = dial(cold('#'), cold('a'));
        expectObservable(source.pipe(reconnected({ policy: every(3), ready$, scheduler, note }))).toBe('-');
        flush();
        expect(log).toEqual(['0 scheduled 1+3 since 0, 0: error', '0 scheduled 1+3 since 0, 0: error']);
      }),
    );

    it(
      'that comes and goes while it is told that all attempts failed revives none',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const ready$ = new BehaviorSubject(true);
        const { log, noted } = record(scheduler);
        const note: Note = (event) => {
          noted.note(event);
          if (event.type !== 'failed') return;
          ready$.next(false);
          ready$.next(true);
        };
        const policy: Policy = (attempt) => attempt < 2 && 3;
        const source = dial(cold('#'), cold('#'), cold('a'));
        expectObservable(source.pipe(reconnected({ policy, ready$, scheduler, note }))).toBe('---#');
        flush();
        expect(log.map((line) => line.split(' ')[1])).toEqual(['scheduled', 'attempt', 'failed']);
      }),
    );

    it(
      'is watched during waits only',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const ready$ = cold('t', states);
        const source = dial(cold('-a-#'), cold('-b-|'));
        expectObservable(source.pipe(reconnected({ policy: every(3), ready$, scheduler }))).toBe('-a-----b-|');
        expectSubscriptions(ready$.subscriptions).toBe('---^--!');
      }),
    );
  });

  describe('now$', () => {
    it(
      'cuts a wait short',
      marbles(({ cold, hot, scheduler, flush, expectObservable, expectSubscriptions }) => {
        const { log, noted } = record(scheduler);
        const now$ = hot('x---x---x');
        const source = dial(cold('-#'), cold('-a'));
        expectObservable(source.pipe(reconnected({ policy: every(100), now$, scheduler, ...noted }))).toBe('-----a');
        expectSubscriptions(now$.subscriptions).toBe('-^--!');
        flush();
        expect(log).toEqual(['1 scheduled 1+100 since 1, 0: error', '4 attempt 1+100 since 1, 3', '5 reconnected 1+100 since 1, 4']);
      }),
    );

    it(
      'does nothing while not ready',
      marbles(({ cold, hot, scheduler, expectObservable }) => {
        const ready$ = cold('f---t', states);
        const now$ = hot('   --x--x-');
        expectObservable(dial(cold('#'), cold('a')).pipe(reconnected({ policy: every(9), ready$, now$, scheduler }))).toBe('-----a');
      }),
    );

    it(
      'that completes lets the wait run',
      marbles(({ cold, scheduler, expectObservable }) => {
        const source = dial(cold('#'), cold('a'));
        expectObservable(source.pipe(reconnected({ policy: every(3), now$: EMPTY, scheduler }))).toBe('---a');
      }),
    );
  });

  it.each([Infinity, 2 ** 31])('never waits longer than a timer can: %d ms', (wait) => {
    const scheduler = new VirtualTimeScheduler(undefined, Infinity);
    const attempts: [number, number][] = [];
    dial(
      throwError(() => 'dropped'),
      EMPTY,
    )
      .pipe(reconnect({ policy: every(wait), scheduler }))
      .subscribe((event) => {
        if (event.type === 'connecting' && event.attempt) attempts.push([event.attempt.scheduled, scheduler.now()]);
      });
    scheduler.flush();
    expect(attempts).toEqual([[2 ** 31 - 1, 2 ** 31 - 1]]);
  });

  it('leaves no timer after an unsubscription: in the limit of a line, open, in a wait, when not ready', () => {
    const scheduler = new VirtualTimeScheduler();
    const lines: Subject<string>[] = [];
    const ready$ = new BehaviorSubject(true);
    const source = defer(() => lines[lines.push(new Subject()) - 1] ?? NEVER);
    const connected$ = source.pipe(reconnected({ policy: every(3), limit: () => 5, ready$, scheduler }));
    const drop = () => lines.at(-1)?.error('dropped');

    const states: [number, () => void][] = [
      [1, () => {}],
      [0, () => lines.at(-1)?.next('a')],
      [1, drop],
      [
        0,
        () => {
          drop();
          ready$.next(false);
        },
      ],
    ];
    for (const [timers, reach] of states) {
      const subscription = connected$.subscribe();
      reach();
      expect(scheduler.actions).toHaveLength(timers);
      subscription.unsubscribe();
      expect(scheduler.actions).toEqual([]);
    }
    expect(lines.some((line) => line.observed)).toBe(false);
    expect(ready$.observed).toBe(false);
  });

  it('shares nothing between two subscriptions', () => {
    const scheduler = new VirtualTimeScheduler();
    const lines: Subject<string>[] = [];
    const asked: number[] = [];
    const policy: Policy = (attempt) => {
      asked.push(attempt);
      return 3;
    };
    const connected$ = defer(() => lines[lines.push(new Subject()) - 1] ?? NEVER).pipe(reconnected({ policy, scheduler }));

    const first = connected$.subscribe();
    const second = connected$.subscribe();
    lines[0]?.error('dropped');
    scheduler.flush();
    lines[2]?.error('dropped');
    lines[1]?.error('dropped');
    expect(asked).toEqual([1, 2, 1]);

    first.unsubscribe();
    expect(scheduler.actions).toHaveLength(1);
    scheduler.flush();
    expect(lines.map((line) => line.observed)).toEqual([false, false, false, true]);

    second.unsubscribe();
    connected$.subscribe();
    lines[4]?.error('dropped');
    expect(asked).toEqual([1, 2, 1, 1]);
  });
});

/** As `online$` does: the present state, then each change. */
function replayed<T>(changes: Observable<T>, present: T): Observable<T> {
  const state$ = new BehaviorSubject(present);
  changes.subscribe(state$);
  return state$;
}
