import { filter, identity, type SchedulerLike, share, tap } from 'rxjs';
import { filterAsync } from '../../../operators/index.js';
import type { MemoryAccount } from '../memory.js';
import { seal } from '../middleware/cors.js';
import type { Layers } from '../middleware/layers.js';
import type { serverOptions } from '../options.js';
import { exchanges } from './attach.js';
import { noteCloseReasons } from './close-reasons.js';
import type { Exchange, Host, HttpServer, RequestExchange, UpgradeExchange } from './host.js';
import { type Rejection, reject } from './reject.js';

export interface TransformerHostParts {
  primus: unknown;
  server: HttpServer;
  options: ReturnType<typeof serverOptions>;
  scheduler: SchedulerLike;
  memory: MemoryAccount;
  middleware: Layers;
  /** Whether the server is shutting down: it then accepts requests of open links only. */
  draining: () => boolean;
}

/** Creates the host of a transformer: it emits the requests and upgrades on the pathname that middleware lets pass. */
export function createTransformerHost({ primus, server, options, scheduler, memory, middleware, draining }: TransformerHostParts): Host {
  const { pathname, maxLength, maxBuffer, compression, transport, refuseWithClose } = options;

  function isAccepted(exchange: Exchange): boolean {
    if (!draining() || host.continues?.(exchange)) return true;
    rejectDuringShutdown(exchange);
    return false;
  }

  const exchange$ = exchanges(server, pathname).pipe(
    refuseWithClose ? tap((exchange) => exchange.kind === 'upgrade' && noteCloseReasons(exchange, scheduler)) : identity,
    filter(isAccepted),
    filterAsync((exchange) => middleware.admit(exchange)),
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
    request$: exchange$.pipe(
      filter((exchange): exchange is RequestExchange => exchange.kind === 'request'),
      tap(({ response }) => seal(response)),
    ),
    upgrade$: exchange$.pipe(filter((exchange): exchange is UpgradeExchange => exchange.kind === 'upgrade')),
  };
  return host;
}

const SHUTTING_DOWN: Rejection = {
  status: 503,
  message: 'The server is shutting down',
  headers: { 'Retry-After': '1', Connection: 'close' },
};

/** Rejects a request during shutdown with 503, and closes its connection. */
export function rejectDuringShutdown(exchange: Exchange): void {
  reject(exchange.kind === 'request' ? exchange.response : exchange.socket, SHUTTING_DOWN);
}
