import type { Primus as Server, Spark } from 'primus-rx';
import { Primus } from 'primus-rx/client';
import { map, type Observable } from 'rxjs';

/** Serves prices: a client names the stock that it watches. Returns the function that publishes a price. */
export function servePrices(primus: Server): (stock: string, price: number) => void {
  const watched = new Map<Spark, string>();
  primus.on('connection', (spark) => {
    spark.on('data', ({ watch }) => watched.set(spark, watch));
    spark.on('end', () => watched.delete(spark));
  });
  return (stock, price) => {
    for (const [spark, name] of watched) if (name === stock) spark.write({ stock, price });
  };
}

/** The price of a stock in a page. Tests pass another class of clients. */
export class Ticker {
  readonly client: Primus;
  /** The connection, in words for the page. */
  readonly status$: Observable<string>;
  price: number | undefined;

  constructor(url: string, stock: string, Client: typeof Primus = Primus) {
    this.client = new Client(url, { reconnect: { max: '30 s', retries: Infinity } });
    // At each connection, as the server has forgotten it.
    this.client.on('open', () => this.client.write({ watch: stock }));
    this.client.on('data', ({ price }) => {
      this.price = price;
    });
    this.status$ = this.client.state$.pipe(
      map((state) => {
        if (state.name === 'open') return 'live';
        const attempts = 'attempt' in state ? (state.attempt?.attempt ?? 0) : 0;
        return attempts > 2 ? 'no connection' : 'connecting';
      }),
    );
  }
}
