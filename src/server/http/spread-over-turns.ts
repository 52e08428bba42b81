import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import { exceedsTurn, runLater } from '../turn.js';
import type { Exchange } from './host.js';

/** A request costs as much as a message of this length, or more. */
const COST = 16_384;

/**
 * Emits requests in later turns of the event loop, in order, when those of this turn have taken too long. Node.js reads on while a client
 * sends faster than its requests are handled: a thousand of them would be handled in one turn, which stalls all others. An upgrade is the only
 * one of its connection, and does not wait. `late` gets the requests whose turn comes after the end of the subscription.
 */
export function spreadOverTurns(late: (exchange: Exchange) => void): MonoTypeOperatorFunction<Exchange> {
  return (source) =>
    new Observable((subscriber) => {
      let waiting = 0;
      const emitLater = (exchange: Exchange): void => {
        waiting++;
        runLater(() => {
          waiting--;
          if (subscriber.closed) late(exchange);
          else subscriber.next(exchange);
        });
      };
      return source.subscribe({
        next(exchange) {
          if (exchange.kind === 'request' && (waiting > 0 || exceedsTurn(COST))) emitLater(exchange);
          else subscriber.next(exchange);
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}
