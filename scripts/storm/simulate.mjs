// Simulates the clients of a server that ends all connections at once, in virtual time, by the operator `reconnect` itself.
import { Observable } from 'rxjs';
import { Clock } from './clock.mjs';

/** The width of the windows in which attempts are counted, in ms. */
export const WINDOW = 100;

/**
 * A server that ends all connections at 0, and is away until `back`. Then it admits so many connections a second and rejects the others with
 * 503, and with `retryAfter` if it is given, in ms. If it is away for no time at all, it asks the clients for that delay as it closes, too.
 */
export function restart({ back, perSecond, retryAfter }) {
  const perWindow = (perSecond * WINDOW) / 1_000;
  const asks = retryAfter === undefined ? {} : { retryAfter };
  let window = 0;
  let admitted = 0;
  return {
    goodbye: back > 0 ? {} : asks,
    /** Returns the error that a client gets, or `undefined`: it is connected. */
    answer(now) {
      if (now < back) return {};
      if (Math.floor(now / WINDOW) !== window) {
        window = Math.floor(now / WINDOW);
        admitted = 0;
      }
      admitted += 1;
      return admitted > perWindow ? { status: 503, ...asks } : undefined;
    },
    /** Returns when a connection that begins now is lost. */
    loss: () => Infinity,
  };
}

/** A server that admits all connections, and loses them all every so many ms until `until`, from 0 on. */
export function crashes({ every, until }) {
  return {
    goodbye: {},
    answer: () => undefined,
    loss: (now) => (now < until ? every * (Math.floor(now / every) + 1) : Infinity),
  };
}

/**
 * Lets all clients lose their connection to a server at 0; ends when all are connected for good or have given up, and after `limit` ms.
 * The numbers are the same for the same policy and random numbers.
 */
export function simulate({ clients, policy, server, reconnect, limit }) {
  const clock = new Clock();
  /** The attempts in each window, and the clients that are connected at its end. */
  const attempts = new Uint32Array(limit / WINDOW + 1);
  const changes = new Int32Array(limit / WINDOW + 1);
  let connected = 0;
  let settled = 0;
  let gaveUp = 0;

  function change(by) {
    connected += by;
    changes[Math.floor(clock.now() / WINDOW)] += by;
  }

  /** Connections of one client, one after the other. */
  function connections() {
    let isFirst = true;
    return new Observable((subscriber) => {
      if (isFirst) {
        isFirst = false;
        subscriber.next();
        subscriber.error(server.goodbye);
        return;
      }
      const now = clock.now();
      attempts[Math.floor(now / WINDOW)] += 1;
      const error = server.answer(now);
      if (error) {
        subscriber.error(error);
        return;
      }
      change(1);
      const loss = server.loss(now);
      const lose = () => {
        change(-1);
        subscriber.error({});
      };
      if (loss === Infinity) settled += 1;
      else subscriber.add(clock.schedule(lose, loss - now));
      subscriber.next();
    });
  }

  const next = ({ type }) => {
    if (type === 'failed') gaveUp += 1;
  };
  for (let client = 0; client < clients; client++) {
    connections()
      .pipe(reconnect({ policy, scheduler: clock }))
      .subscribe({ next });
  }
  clock.run(limit, () => settled + gaveUp === clients);

  const total = attempts.reduce((sum, count) => sum + count);
  let sum = 0;
  const shares = Array.from(changes, (by) => {
    sum += by;
    return sum / clients;
  });
  return { clients, attempts, total, gaveUp, connected, shares, end: clock.now() };
}

/** The largest number of attempts in a window that begins within these times, in ms. */
export function peak({ attempts }, from = 0, until = Infinity) {
  return attempts
    .subarray(Math.floor(from / WINDOW), Math.min(attempts.length, Math.ceil(until / WINDOW)))
    .reduce((a, b) => Math.max(a, b), 0);
}

/** When this share of all clients was connected, in ms; `undefined` when it never was. */
export function reached({ shares, end }, share) {
  const window = shares.findIndex((connected) => connected >= share);
  return window < 0 ? undefined : Math.min(end, (window + 1) * WINDOW);
}
