import {
  BehaviorSubject,
  concat,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  type MonoTypeOperatorFunction,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  range,
  Subject,
  take,
  tap,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../operators/policy.js';
import { type Attempt, type ReconnectEvent, type ReconnectOptions, reconnect, values } from '../../operators/reconnect.js';
import { endless, marbles } from './marbles.js';

const states = { f: false, t: true };

/** Always the same wait. */
const every =
  (wait: number): Policy =>
  () =>
    wait;

/** A source whose subscriptions get one connection after the other. */
function dial<T>(...connections: Observable<T>[]): Observable<T> {
  return defer(() => connections.shift() ?? throwError(() => 'no more connections'));
}

type Note = (event: ReconnectEvent<unknown>) => void;

/** The values of the source, over all its subscriptions; `note` is called with every event. */
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
      'values: passes them, and does not reconnect after a completion',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-a-b-|');
        expectObservable(source.pipe(reconnected({ policy: every(3), scheduler }))).toBe('-a-b-|');
        expectSubscriptions(source.subscriptions).toBe('^----!');
      }),
    );

    it(
      'empty: completes when a connection completes without a value',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-|');
        expectObservable(source.pipe(reconnected({ policy: every(3), scheduler }))).toBe('-|');
        expectSubscriptions(source.subscriptions).toBe('^!');
      }),
    );

    it(
      'error only: reconnects after the delay',
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
      'error after values: reconnects after a delay, each time',
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
      'early unsubscribe: unsubscribes from the connection',
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
      'early unsubscribe: ends the delay, and no connection follows',
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
    /** The attempts that the policy is asked about while `connections` fail one after the other. */
    function asked(connections: string[], options: Partial<ReconnectOptions>, expected: number[]): () => void {
      return marbles(({ cold, scheduler, flush, expectObservable }) => {
        const attempts: number[] = [];
        const policy: Policy = (attempt) => {
          attempts.push(attempt);
          return attempts.length === connections.length ? false : 3;
        };
        const source = dial(...connections.map((connection) => cold(connection)));
        expectObservable(
          source.pipe(
            reconnected({ policy, scheduler, ...options }),
            mergeMap(() => EMPTY),
          ),
        ).toBe(`${time(connections)}ms #`);
        flush();
        expect(attempts).toEqual(expected);
      });
    }

    /** How long they and the waits between them take. */
    function time(connections: string[]): number {
      return connections.reduce((sum, connection) => sum + connection.length - 1, 3 * (connections.length - 1));
    }

    it('counts its attempts', asked(['#', '-#', '-----#', '#'], {}, [1, 2, 3, 4]));
    it('goes on while connections last shorter than the delay before them', asked(['a#', 'a#', 'a-#', 'a--#'], {}, [1, 2, 3, 1]));
    it('ends with a connection that lasts as long as the delay before it', asked(['a-#', 'a--#', 'a--#', 'a#'], {}, [1, 1, 1, 2]));
    it('measures how long a connection lasts from its first value', asked(['a#', '-----a-#', '-----a--#'], {}, [1, 2, 1]));
    it('does not end with a connection that never emits', asked(['#', '---------#', '---------#'], {}, [1, 2, 3]));
    it('ends after `stable` ms when that is longer than the wait', asked(['#', 'a----#', 'a-----#'], { stable: 5 }, [1, 1, 1]));
    it('goes on before `stable` ms when that is longer than the wait', asked(['#', 'a----#', 'a---#'], { stable: 6 }, [1, 2, 3]));
    it('goes on until the delay has passed, however short `stable` is', asked(['#', 'a-#', 'a--#'], { stable: 1 }, [1, 2, 1]));
    it(
      'goes on until the delay would have been over, even when it was ended early',
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
      'passes the error of the connection to the policy',
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
      'emits all events in order',
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
      'emits one `open` with its attempt for each reconnection, and none with an attempt for the first connection',
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
      'gives up when the policy returns false, with the error of the last connection',
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
      'gives up before the first attempt when the policy returns false at once',
      marbles(({ cold, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        expectObservable(cold('-#').pipe(reconnected({ policy: () => false, scheduler, ...noted }))).toBe('-#');
        flush();
        expect(log).toEqual(['1 failed null: error']);
      }),
    );

    it(
      'gives up when `when` returns false, and does not call the policy',
      marbles(({ cold, scheduler, flush, expectObservable, expectSubscriptions }) => {
        const { log, noted } = record(scheduler);
        const ready$ = cold('t', states);
        const policy: Policy = () => {
          throw new Error('The policy was called');
        };
        expectObservable(cold('-a#').pipe(reconnected({ policy, when: () => false, ready$, scheduler, ...noted }))).toBe('-a#');
        expectSubscriptions(ready$.subscriptions).toBe([]);
        flush();
        expect(log).toEqual([]);
      }),
    );

    it(
      'calls `when` with the error, whether the connection was open, and its attempt',
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

    it.each(['policy', 'when', 'limit'] as const)('ends with the error that %s throws', (name) => {
      const scheduler = new VirtualTimeScheduler();
      const errors: unknown[] = [];
      const fail = () => {
        throw 'thrown';
      };
      // A limit that throws ends a connection like any other error: `when` decides whether another one follows.
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
      'times out a connection without a first value',
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
      'ends with the first value',
      marbles(({ cold, scheduler, expectObservable }) => {
        const source = cold('--a-----------b');
        expectObservable(source.pipe(reconnected({ policy: every(3), limit: () => 4, late, scheduler }))).toBe('--a-----------b');
      }),
    );

    it(
      'has an error that names the time by default',
      marbles(({ cold, scheduler, expectObservable }) => {
        const error = new Error('No value came within 4 ms');
        expectObservable(cold('-').pipe(reconnected({ policy: () => false, limit: () => 4, scheduler }))).toBe('----#', {}, error);
      }),
    );

    it.each([Infinity, 2 ** 31])('sets no timer for %d ms, which would fire at once', (limit) => {
      const scheduler = new VirtualTimeScheduler();
      NEVER.pipe(reconnected({ policy: every(3), limit: () => limit, scheduler })).subscribe();
      expect(scheduler.actions).toEqual([]);
    });
  });

  describe('ready$', () => {
    it(
      'pauses while it is false, and begins a new series when it is true again',
      marbles(({ cold, hot, scheduler, flush, expectObservable, expectSubscriptions }) => {
        const { log, noted } = record(scheduler);
        const connections = [cold('#'), cold('-#'), cold('a')];
        const ready$ = hot('t-----f-t-----', states).pipe((ready) => replayed(ready, true));
        const result = '    -----------a  ';

        expectObservable(dial(...connections).pipe(reconnected({ policy: every(3), ready$, scheduler, ...noted }))).toBe(result);
        expectSubscriptions(connections[2]?.subscriptions ?? []).toBe('-----------^');
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
      'does not call the policy until it is true',
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
      'schedules once when it emits true twice',
      marbles(({ cold, hot, scheduler, flush, expectObservable }) => {
        const { log, noted } = record(scheduler);
        const ready$ = hot('-t-t-t-t-', states);
        expectObservable(dial(cold('#'), cold('a')).pipe(reconnected({ policy: every(4), ready$, scheduler, ...noted }))).toBe('-----a');
        flush();
        expect(log).toHaveLength(3);
      }),
    );

    it(
      'takes back an attempt that is being emitted when it becomes false, and leaves no delay behind',
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
      'schedules no attempt when it changes while `failed` is being emitted',
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
        expect(log.map((entry) => entry.split(' ')[1])).toEqual(['scheduled', 'attempt', 'failed']);
      }),
    );

    it(
      'is subscribed to during delays only',
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
      'ends a delay early',
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
      'has no effect while `ready$` is false',
      marbles(({ cold, hot, scheduler, expectObservable }) => {
        const ready$ = cold('f---t', states);
        const now$ = hot('   --x--x-');
        expectObservable(dial(cold('#'), cold('a')).pipe(reconnected({ policy: every(9), ready$, now$, scheduler }))).toBe('-----a');
      }),
    );

    it(
      'does not end a delay when it completes',
      marbles(({ cold, scheduler, expectObservable }) => {
        const source = dial(cold('#'), cold('a'));
        expectObservable(source.pipe(reconnected({ policy: every(3), now$: EMPTY, scheduler }))).toBe('---a');
      }),
    );
  });

  it.each([Infinity, 2 ** 31])('limits a delay of %d ms to the longest that a timer can', (wait) => {
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

  it('leaves no timer after an unsubscription: before the first value, while open, in a delay, while not ready', () => {
    const scheduler = new VirtualTimeScheduler();
    const connections: Subject<string>[] = [];
    const ready$ = new BehaviorSubject(true);
    const source = defer(() => connections[connections.push(new Subject()) - 1] ?? NEVER);
    const connected$ = source.pipe(reconnected({ policy: every(3), limit: () => 5, ready$, scheduler }));
    const drop = () => connections.at(-1)?.error('dropped');

    const states: [number, () => void][] = [
      [1, () => {}],
      [0, () => connections.at(-1)?.next('a')],
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
    expect(connections.some((connection) => connection.observed)).toBe(false);
    expect(ready$.observed).toBe(false);
  });

  it('tears a subscription down before it emits `lost`', () => {
    const torn: string[] = [];
    const emitted: string[] = [];
    const lost = new Subject<never>();
    for (const source of [lost, throwError(() => 'at once')]) {
      const torn$ = defer(() => source).pipe(finalize(() => torn.push('torn')));
      torn$.pipe(reconnect({ when: () => false })).subscribe(({ type }) => emitted.push(`${type} ${torn.length}`));
    }
    lost.error('later');
    expect(emitted).toEqual(['connecting 0', 'connecting 0', 'lost 1', 'lost 2']);
  });

  it.each([['limit'], ['late'], ['when']] as const)('errors with what `%s` throws, and leaves nothing behind', (name) => {
    const scheduler = new VirtualTimeScheduler();
    let calls = 0;
    const throws = () => {
      calls += 1;
      if (calls === 2) throw new Error(`${name} threw`);
      return name === 'limit' ? 5 : name;
    };
    const errors: unknown[] = [];
    const source = new Subject<string>();
    source
      .pipe(reconnect({ policy: every(3), limit: 5, scheduler, [name]: throws }))
      .subscribe({ error: ({ message }) => errors.push(message) });
    scheduler.flush();
    expect(errors).toEqual([`${name} threw`]);
    expect(scheduler.actions).toEqual([]);
    expect(source.observed).toBe(false);
  });

  it('goes through 100,000 attempts that begin and fail at once', () => {
    let events = 0;
    const policy: Policy = (attempt) => attempt < 100_000 && 1000;
    throwError(() => 'refused')
      .pipe(reconnect({ policy, now$: of('now') }))
      .subscribe(() => {
        events += 1;
      });
    // Of each: connecting, lost, scheduled; of the last one `failed`.
    expect(events).toBe(300_000);
  });

  it('shares nothing between two subscriptions', () => {
    const scheduler = new VirtualTimeScheduler();
    const connections: Subject<string>[] = [];
    const asked: number[] = [];
    const policy: Policy = (attempt) => {
      asked.push(attempt);
      return 3;
    };
    const connected$ = defer(() => connections[connections.push(new Subject()) - 1] ?? NEVER).pipe(reconnected({ policy, scheduler }));

    const first = connected$.subscribe();
    const second = connected$.subscribe();
    connections[0]?.error('dropped');
    scheduler.flush();
    connections[2]?.error('dropped');
    connections[1]?.error('dropped');
    expect(asked).toEqual([1, 2, 1]);

    first.unsubscribe();
    expect(scheduler.actions).toHaveLength(1);
    scheduler.flush();
    expect(connections.map((connection) => connection.observed)).toEqual([false, false, false, true]);

    second.unsubscribe();
    connected$.subscribe();
    connections[4]?.error('dropped');
    expect(asked).toEqual([1, 2, 1, 1]);
  });

  it('never changes a record that it emitted', () => {
    const scheduler = new VirtualTimeScheduler();
    const ready$ = new BehaviorSubject(true);
    const events: ReconnectEvent<string>[] = [];
    const source = dial(
      throwError(() => 'first'),
      NEVER,
      concat(
        of('a', 'b'),
        throwError(() => 'third'),
      ),
      of('c'),
    );
    source
      .pipe(
        reconnect({ policy: (attempt) => attempt < 3 && 5, limit: 4, stable: '1 s', ready$, scheduler }),
        tap((event) => deepFreeze(event)),
      )
      .subscribe((event) => {
        events.push(event);
        if (event.type === 'scheduled' && events.length < 5) {
          ready$.next(false);
          ready$.next(true);
        }
      });
    const copies = structuredClone(events);
    scheduler.flush();
    expect(events.slice(0, copies.length)).toEqual(copies);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['connecting', 'open', 'value', 'timed out', 'lost', 'scheduled', 'failed']),
    );
  });

  it(
    'backs off from 500 ms, with jitter, for 10 attempts by default, in virtual time under a TestScheduler',
    marbles(({ flush, expectObservable }) => {
      const waits: number[] = [];
      let last: string | undefined;
      const result$ = throwError(() => 'dropped').pipe(
        reconnect(),
        tap((event) => {
          last = event.type;
          if (event.type === 'scheduled') waits.push(event.attempt.scheduled);
        }),
        ignoreElements(),
      );
      expectObservable(result$.pipe(map(() => 0)), '^ 30m !');
      flush();
      expect(last).toBe('failed');
      expect(waits).toHaveLength(10);
      for (const [index, wait] of waits.entries()) {
        expect(wait).toBeGreaterThanOrEqual(500 * 2 ** index);
        expect(wait).toBeLessThanOrEqual(1_000 * 2 ** index);
      }
    }),
  );

  it(
    'takes a policy instead of options',
    marbles(({ cold, expectObservable }) => {
      expectObservable(dial(cold('-#'), cold('-a|')).pipe(reconnect(every(3)), values())).toBe('-----a|');
    }),
  );

  it(
    'passes the previous delay of the series to the policy',
    marbles(({ cold, scheduler, flush, expectObservable }) => {
      const delays: unknown[] = [];
      const policy: Policy = (attempt, _error, previous) => {
        delays.push([attempt, previous]);
        return delays.length < 5 && attempt + 2;
      };
      // The third connection ends the series.
      const source = dial(cold('#'), cold('#'), cold('a----#'), cold('#'), cold('#'));
      expectObservable(source.pipe(reconnect({ policy, scheduler }), ignoreElements())).toBe('19ms |');
      flush();
      expect(delays).toEqual([
        [1, undefined],
        [2, 3],
        [1, undefined],
        [2, 3],
        [3, 4],
      ]);
    }),
  );

  it('uses `random` for the default policy', () => {
    const scheduler = new VirtualTimeScheduler();
    const waits: number[] = [];
    throwError(() => 'dropped')
      .pipe(reconnect({ random: () => 0, scheduler }), take(6))
      .subscribe((event) => event.type === 'scheduled' && waits.push(event.attempt.scheduled));
    scheduler.flush();
    expect(waits).toEqual([500, 1_000]);
  });

  it(
    'takes durations as strings',
    marbles(({ cold, scheduler, flush, expectObservable }) => {
      const attempts: number[] = [];
      const policy: Policy = (attempt) => {
        attempts.push(attempt);
        return attempts.length < 3 && 3;
      };
      const source = dial(cold('-'), cold('a---#'), cold('a----#'));
      expectObservable(source.pipe(reconnect({ policy, limit: '4 ms', stable: '5 ms', scheduler }), ignoreElements())).toBe('19ms |');
      flush();
      expect(attempts).toEqual([1, 2, 1]);
    }),
  );

  it.each([{ limit: 'soon' }, { limit: -1 }, { stable: 'long' }, { stable: Number.NaN }])(
    'throws a TypeError at the call for %o',
    (options) => {
      expect(() => reconnect(options)).toThrow(TypeError);
    },
  );

  it('passes a million values of one subscription', () => {
    // With a cost that grows with the values before it, this would not end within the time limit of a test.
    let received = 0;
    range(0, 1_000_000)
      .pipe(reconnect(), values())
      .subscribe(() => received++);
    expect(received).toBe(1_000_000);
  });
});

describe('values', () => {
  it(
    'passes the values of all connections',
    marbles(({ cold, scheduler, expectObservable }) => {
      const source = dial(cold('ab-#'), cold('c-|'));
      expectObservable(source.pipe(reconnect({ policy: every(2), scheduler }), values())).toBe('ab---c-|');
    }),
  );

  it.each([
    ['the last error when the policy gives up', { policy: () => false as const }, 'dropped'],
    ['the last error when `when` returns false', { when: () => false }, 'dropped'],
    [
      'the error of a policy that throws',
      {
        policy: () => {
          throw 'thrown';
        },
      },
      'thrown',
    ],
  ])('errors with %s', (_, options, expected) => {
    const errors: unknown[] = [];
    throwError(() => 'dropped')
      .pipe(reconnect(options), values())
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([expected]);
  });
});

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
}

/** Emits like `online$`: the present state, then each change. */
function replayed<T>(changes: Observable<T>, present: T): Observable<T> {
  const state$ = new BehaviorSubject(present);
  changes.subscribe(state$);
  return state$;
}
