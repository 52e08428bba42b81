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
import { Archive } from './archive.js';
import { type FromPage, nameOf, type Person, read, type ToPage } from './messages.js';
import { rateLimit } from './rate-limit.js';

/** The spark of a page. Its messages are `unknown` until `read` has validated them: a client can send anything. */
type PageSpark = Spark<unknown, ToPage>;

/** An action of a page. The first one is always `enter`. */
type Action = { type: 'enter'; name: string } | FromPage;

type RoomEvent = (Action & Person & { spark: PageSpark }) | { type: 'leave'; who: string };

type People = ReadonlyMap<string, Person>;

/** How long a page may take to reconnect after its session has ended, before the others see that the person left, in ms. */
const GRACE = 6000;

/**
 * Runs the room while it is subscribed to. The spark of a page that loses its connection waits for it, for `window` ms, and keeps what is said
 * meanwhile.
 *
 * ```
 * connection$ ──groupBy(who)──> visits ──mergeMap──> events ──┬──scan──> people ──> all pages
 *                                                             └──archive──> messages ──> all pages
 * ```
 */
export function room(primus: Primus<unknown, ToPage>, window: number): Observable<never> {
  const archive = new Archive();

  // A visit outlives its connections: a person who reconnects within `GRACE` did not leave.
  const event$ = primus.connection$.pipe(groupBy(whoIs, { duration: gone }), mergeMap(visit), share());

  const welcomed$ = event$.pipe(
    filter((event) => event.type === 'enter'),
    tap(({ spark, who }) => spark.write({ type: 'welcome', who, history: archive.recent(), window })),
  );

  // After a restart of the server all pages reconnect at once: that is one list for all of them, not one for each.
  const listed$ = event$.pipe(
    scan(attendance, new Map() as People),
    distinctUntilChanged(),
    auditTime(50),
    tap((people) => primus.write({ type: 'people', people: [...people.values()] })),
  );

  const left$ = event$.pipe(
    filter((event) => event.type === 'leave'),
    tap(({ who }) => primus.write({ type: 'left', who })),
  );

  // After a gap a page repeats messages that may have arrived. It gets the answer; the others have the message already.
  const [fresh$, repeated$] = partition(
    event$.pipe(
      filter((event) => event.type === 'say'),
      map((words) => ({ spark: words.spark, ...archive.add(words) })),
      share(),
    ),
    ({ fresh }) => fresh,
  );
  const said$ = merge(
    fresh$.pipe(tap(({ said }) => primus.write({ type: 'said', ...said }))),
    repeated$.pipe(tap(({ said, spark }) => spark.write({ type: 'said', ...said }))),
  );

  return merge(welcomed$, listed$, left$, said$).pipe(ignoreElements());
}

/** The events of one person, over all of their connections. Each has the name that the person has at that moment. */
function visit(spark$: GroupedObservable<string, PageSpark>): Observable<RoomEvent> {
  const who = spark$.key;
  const done$ = spark$.pipe(
    mergeMap((spark) => actionsOf(spark).pipe(map((action) => ({ spark, action })))),
    scan((last: { name: string }, { spark, action }) => ({ name: last.name, ...action, spark, who }), { name: '' }),
  );
  return concat(done$ as Observable<RoomEvent>, of({ type: 'leave' as const, who }));
}

/** The actions of one connection. Its page also gets the round-trip time of each heartbeat, to draw it. */
function actionsOf(spark: PageSpark): Observable<Action> {
  const action$ = spark.data$.pipe(
    map(read),
    filter((request) => request !== undefined),
    rateLimit({ burst: 20, every: 250, spark }),
  );
  const latency$ = spark.heartbeat$.pipe(tap((ms) => spark.write({ type: 'latency', ms })));
  return merge(of({ type: 'enter' as const, name: nameOf(spark.query.name) }), action$, latency$.pipe(ignoreElements()));
}

/** Emits when a person has had no connection for `GRACE` ms. */
function gone(spark$: Observable<PageSpark>): Observable<unknown> {
  return spark$.pipe(
    mergeMap((spark) => spark.end$.pipe(ignoreElements(), startWith(1), endWith(-1))),
    scan((connections, change) => connections + change, 0),
    switchMap((connections) => (connections === 0 ? timer(GRACE) : NEVER)),
  );
}

/** The key is a page's secret, so other pages see a hash of it only. */
export function whoIs({ id, query }: Pick<Spark, 'id' | 'query'>): string {
  const key = typeof query.key === 'string' && query.key !== '' ? query.key : id;
  return createHash('sha256').update(key).digest('base64url').slice(0, 16);
}

function attendance(people: People, event: RoomEvent): People {
  if (event.type === 'say') return people;
  const next = new Map(people);
  if (event.type === 'leave') next.delete(event.who);
  else next.set(event.who, { who: event.who, name: event.name });
  return next;
}
