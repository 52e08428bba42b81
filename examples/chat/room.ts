import { createHash } from 'node:crypto';
import type Primus from 'primus-rx';
import type { Spark } from 'primus-rx';
import {
  auditTime,
  concat,
  distinctUntilChanged,
  endWith,
  filter,
  type GroupedObservable,
  groupBy,
  ignoreElements,
  map,
  merge,
  mergeMap,
  NEVER,
  type Observable,
  of,
  partition,
  scan,
  share,
  startWith,
  switchMap,
  tap,
  timer,
} from 'rxjs';
import type { WebSocket } from 'ws';
import { Archive } from './archive.js';
import { type FromPage, nameOf, type Person, read, type ToPage } from './messages.js';
import { pace } from './pace.js';

/** What a client says is not to be trusted, whatever its type: it is `unknown` until it has been read. */
type Line = Spark<unknown, ToPage>;

/** What is done over a line. The first thing is always to enter; `cut` never gets as far as the room. */
type Deed = { type: 'enter'; name: string } | Exclude<FromPage, { type: 'cut' }>;

type Happening = (Deed & Person & { line: Line }) | { type: 'leave'; who: string };

type People = ReadonlyMap<string, Person>;

/** How long somebody whose line dropped may take to come back before the others are told that they left, in ms. */
const GRACE = 6000;

/**
 * The room. Subscribe = open the doors.
 *
 * ```
 * connection$ ──groupBy(who)──> visits ──mergeMap──> happenings ──┬──scan──> who is here ──> everybody
 *                                                                 └──archive──> what was said ──> everybody
 * ```
 */
export function room(primus: Primus<unknown, ToPage>): Observable<never> {
  const archive = new Archive();

  // A visit outlives the lines it is made over: somebody who comes back soon never left.
  const happening$ = primus.connection$.pipe(groupBy(whoIs, { duration: gone }), mergeMap(visit), share());

  const welcomed$ = happening$.pipe(
    filter((happening) => happening.type === 'enter'),
    tap(({ line, who }) => line.write({ type: 'welcome', who, history: archive.recent() })),
  );

  // When a server restarts everybody comes at once: that is one list for all of them, not one for each.
  const listed$ = happening$.pipe(
    scan(attendance, new Map() as People),
    distinctUntilChanged(),
    auditTime(50),
    tap((people) => primus.write({ type: 'people', people: [...people.values()] })),
  );

  const left$ = happening$.pipe(
    filter((happening) => happening.type === 'leave'),
    tap(({ who }) => primus.write({ type: 'went', who })),
  );

  // A message comes again when its page did not see it arrive: then the page is told, and the others know already.
  const [fresh$, repeated$] = partition(
    happening$.pipe(
      filter((happening) => happening.type === 'say'),
      map((words) => ({ line: words.line, ...archive.add(words) })),
      share(),
    ),
    ({ fresh }) => fresh,
  );
  const said$ = merge(
    fresh$.pipe(tap(({ said }) => primus.write({ type: 'said', ...said }))),
    repeated$.pipe(tap(({ said, line }) => line.write({ type: 'said', ...said }))),
  );

  return merge(welcomed$, listed$, left$, said$).pipe(ignoreElements());
}

/** One person, from the first of their lines to the last. What they do carries the name they go by at that moment. */
function visit(line$: GroupedObservable<string, Line>): Observable<Happening> {
  const who = line$.key;
  const done$ = line$.pipe(
    mergeMap((line) => deeds(line).pipe(map((deed) => ({ line, deed })))),
    scan((last: { name: string }, { line, deed }) => ({ name: last.name, ...deed, line, who }), { name: '' }),
  );
  return concat(done$ as Observable<Happening>, of({ type: 'leave' as const, who }));
}

/** What is done over one line. How long its heartbeat takes is told back at once, for the page to draw. */
function deeds(line: Line): Observable<Deed> {
  const asked$ = line.data$.pipe(
    map(read),
    filter((ask) => ask !== undefined),
    share(),
  );
  const deed$ = asked$.pipe(
    filter((ask) => ask.type !== 'cut'),
    pace({ burst: 20, every: 250, line }),
  );
  // No handshake, no goodbye: what a lost network looks like.
  const cut$ = asked$.pipe(
    filter((ask) => ask.type === 'cut'),
    tap(() => (line.socket as WebSocket).terminate()),
  );
  const latency$ = line.heartbeat$.pipe(tap((ms) => line.write({ type: 'latency', ms })));
  return merge(of({ type: 'enter' as const, name: nameOf(line.query.name) }), deed$, merge(cut$, latency$).pipe(ignoreElements()));
}

/** Emits when somebody has had no line for longer than it takes to come back. */
function gone(line$: Observable<Line>): Observable<unknown> {
  return line$.pipe(
    mergeMap((line) => line.end$.pipe(ignoreElements(), startWith(1), endWith(-1))),
    scan((lines, change) => lines + change, 0),
    switchMap((lines) => (lines === 0 ? timer(GRACE) : NEVER)),
  );
}

/** The key is a page's secret, and it would be everybody's if it were shown. */
function whoIs({ id, query }: Line): string {
  const key = typeof query.key === 'string' && query.key !== '' ? query.key : id;
  return createHash('sha256').update(key).digest('base64url').slice(0, 16);
}

function attendance(people: People, happening: Happening): People {
  if (happening.type === 'say') return people;
  const next = new Map(people);
  if (happening.type === 'leave') next.delete(happening.who);
  else next.set(happening.who, { who: happening.who, name: happening.name });
  return next;
}
