import { describe, PrimusError } from '../../core/errors.js';
import type { HttpServer } from './host.js';

/** An HTTP server, or a clear error. */
export function checkServer(server: unknown): HttpServer {
  const candidate = server as Partial<HttpServer> | null | undefined;
  if (
    typeof server === 'object' &&
    candidate &&
    [candidate.on, candidate.emit, candidate.listenerCount, candidate.close].every((member) => typeof member === 'function')
  )
    return server as HttpServer;
  const hint = typeof server === 'function' ? '; an Express or Connect app becomes one with http.createServer(app)' : '';
  throw new PrimusError('ERR_PRIMUS_SERVER', `The first argument must be an HTTP server, not ${describe(server)}${hint}`);
}
