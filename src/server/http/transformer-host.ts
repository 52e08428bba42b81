import { filter, identity, type MonoTypeOperatorFunction, Observable, type SchedulerLike, share, tap } from 'rxjs';
import { filterAsync } from '../../../operators/index.js';
import { asError, PrimusError } from '../../core/errors.js';
import type { MemoryAccount } from '../memory.js';
import { seal } from '../middleware/cors.js';
import type { Layers } from '../middleware/layers.js';
import type { serverOptions } from '../options.js';
import { exchanges, type PathOwner } from './attach.js';
import type { Capacity } from './capacity.js';
import { noteCloseReasons } from './close-reasons.js';
import type { Handshakes } from './handshakes.js';
import type { Exchange, Host, HttpServer, RequestExchange, UpgradeExchange } from './host.js';
import { reject } from './reject.js';
import { spreadOverTurns } from './spread-over-turns.js';

/** The delay after which rejected clients should try again, in ms. */
export const RETRY_AFTER = 1_000;

export interface TransformerHostParts {
  primus: unknown;
  server: HttpServer;
  options: ReturnType<typeof serverOptions>;
  scheduler: SchedulerLike;
  memory: MemoryAccount;
  middleware: Layers;
  capacity: Capacity;
  handshakes: Handshakes;
  /**
   * The delay after which rejected clients should try again, in ms, while the server shuts down: it then accepts requests of open links
   * only. `undefined` while it accepts all.
   */
  retryAfter: () => number | undefined;
  log: (level: string, value: unknown) => void;
}

/** Creates the host of a transformer: it emits the requests and upgrades on the pathname that middleware lets pass. */
export function createTransformerHost(parts: TransformerHostParts): Host {
  const { primus, server, options, scheduler, memory, middleware, capacity, handshakes, retryAfter, log } = parts;
  const { pathname, maxLength, maxBuffer, compression, transport, refuseWithClose } = options;

  function isAccepted(exchange: Exchange): boolean {
    const delay = retryAfter();
    if (delay === undefined || host.continues?.(exchange)) return true;
    rejectDuringShutdown(exchange, delay);
    return false;
  }

  /** Whether there is a place for a request, if it begins a connection: without a word of the transformer, every upgrade does. */
  function hasPlace(exchange: Exchange): boolean {
    const begins = host.begins?.(exchange) ?? exchange.kind === 'upgrade';
    if (begins) handshakes.begin(exchange, 'first');
    else if (exchange.kind === 'upgrade') handshakes.begin(exchange, 'further');
    return !begins || capacity.take(exchange);
  }

  const owner: PathOwner = {
    unclaimed: (exchange) => handshakes.watchForeign(exchange),
    replaced: () => log('warning', `Another server was attached to ${pathname} of the same HTTP server: it gets the requests from now on`),
  };
  const exchange$ = exchanges(server, pathname, owner).pipe(
    spreadOverTurns((exchange) => rejectDuringShutdown(exchange, retryAfter())),
    afterwards(({ request }) => handshakes.watch(request)),
    refuseWithClose ? tap((exchange) => exchange.kind === 'upgrade' && noteCloseReasons(exchange, scheduler)) : identity,
    filter(isAccepted),
    filter(hasPlace),
    filterAsync((exchange) => middleware.admit(exchange)),
    // Middleware may take its time.
    filter(isAccepted),
    tap(({ request }) => handshakes.passed(request)),
    share(),
  );
  const host: Host = {
    server,
    primus,
    pathname,
    scheduler,
    maxLength,
    maxBuffer,
    memory,
    compression,
    transport,
    places: capacity,
    failed(exchange, thrown) {
      log('error', frameworkError(thrown));
      reject(exchange.kind === 'request' ? exchange.response : exchange.socket, 500);
    },
    request$: exchange$.pipe(
      filter((exchange): exchange is RequestExchange => exchange.kind === 'request'),
      tap(({ response }) => seal(response)),
    ),
    upgrade$: exchange$.pipe(filter((exchange): exchange is UpgradeExchange => exchange.kind === 'upgrade')),
  };
  return host;
}

/** Returns the error of a framework, or of a function of the application that it has called. */
export function frameworkError(thrown: unknown): PrimusError {
  if (thrown instanceof PrimusError) return thrown;
  return new PrimusError('ERR_PRIMUS_TRANSFORMER', `The framework failed: ${asError(thrown).message}`, { cause: thrown });
}

/** Calls `act` with each value after all subscribers have had it. */
function afterwards<T>(act: (value: T) => void): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe({
        next(value) {
          subscriber.next(value);
          act(value);
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
}

/** Rejects a request during shutdown with 503, and closes its connection. `retryAfter`: the delay in ms. */
export function rejectDuringShutdown(exchange: Exchange, retryAfter = RETRY_AFTER): void {
  const seconds = Math.max(1, Math.ceil(retryAfter / 1_000));
  const headers = { 'Retry-After': String(seconds), Connection: 'close' };
  const rejection = { status: 503, message: 'The server is shutting down', headers };
  reject(exchange.kind === 'request' ? exchange.response : exchange.socket, rejection);
}
