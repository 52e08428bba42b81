import { filter, identity, type SchedulerLike, share, tap } from 'rxjs';
import { filterAsync } from '../../../operators/index.js';
import { seal } from '../middleware/cors.js';
import type { Layers } from '../middleware/layers.js';
import type { serverOptions } from '../options.js';
import { exchanges } from './attach.js';
import { noteCloseReasons } from './close-reasons.js';
import type { Exchange, Host, HttpServer, RequestExchange, UpgradeExchange } from './host.js';
import { reject } from './reject.js';

export interface TransformerHostParts {
  primus: unknown;
  server: HttpServer;
  options: ReturnType<typeof serverOptions>;
  scheduler: SchedulerLike;
  middleware: Layers;
  /** Whether the server goes down: only what belongs to an open link is let in then. */
  draining: () => boolean;
}

/** What a transformer gets to see: requests and upgrades on the pathname that middleware lets pass. */
export function createTransformerHost({ primus, server, options, scheduler, middleware, draining }: TransformerHostParts): Host {
  const { pathname, maxLength, maxBuffer, compression, transport, refuseWithClose } = options;

  function welcome(exchange: Exchange): boolean {
    if (!draining() || host.continues?.(exchange)) return true;
    rejectDuringShutdown(exchange);
    return false;
  }

  const exchange$ = exchanges(server, pathname).pipe(
    refuseWithClose ? tap((exchange) => exchange.kind === 'upgrade' && noteCloseReasons(exchange, scheduler)) : identity,
    filter(welcome),
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

/** Answers whoever comes while the server goes down, and lets go of the line. */
export function rejectDuringShutdown(exchange: Exchange): void {
  const channel = exchange.kind === 'request' ? exchange.response : exchange.socket;
  reject(channel, 503, 'The server is going down', { 'Retry-After': '1', Connection: 'close' });
}
