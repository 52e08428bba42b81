// 1,000 prices a second, for readers of any speed: none of them gets a queue of old ones.
import type { Primus as Server } from 'primus-rx';
import type { Primus as Client } from 'primus-rx/client';
import { flow } from 'primus-rx/flow';
import { latestBy } from 'primus-rx/operators';
import { BehaviorSubject, finalize, from, interval, map, mergeMap, type Observable, range, share, takeUntil } from 'rxjs';

export interface Price {
  readonly symbol: string;
  readonly price: number;
  /** When it was made, in ms since the epoch. */
  readonly at: number;
}

const SYMBOLS = 50;
const key = ({ symbol }: Price): string => symbol;

/** Prices, ten of them every 10 ms. */
export const price$: Observable<Price> = interval(10).pipe(
  mergeMap((turn) => range(turn * 10, 10)),
  map((count) => ({ symbol: `S${count % SYMBOLS}`, price: count, at: Date.now() })),
  share(),
);

/** Writes prices to every client, while its connection takes them. Of those that do not fit, it writes the latest of each symbol later. */
export function publish(primus: Server, prices$ = price$): void {
  primus.on('connection', (spark) => {
    const { ready$ } = flow(spark, { highWaterMark: 16_384 });
    prices$.pipe(latestBy({ gate: ready$, key }), takeUntil(spark.end$)).subscribe((price) => spark.write(price));
  });
}

/**
 * Calls a function that takes its time with one price after the other. What comes meanwhile is left out, but for the latest price of each symbol:
 * a network is fast enough for all of them, and the buffers on the way stay empty.
 */
export function readLatest(client: Client<Price>, work: (price: Price) => Promise<void>): Observable<void> {
  const free$ = new BehaviorSubject(true);
  return client.data$.pipe(
    latestBy({ gate: free$, key }),
    mergeMap((price) => {
      free$.next(false);
      return from(work(price)).pipe(finalize(() => free$.next(true)));
    }),
  );
}
