import { describe, PrimusError } from '../../core/errors.js';
import type { HttpServer } from './host.js';

/**
 * Returns the HTTP server that was given.
 *
 * @throws ERR_PRIMUS_SERVER when the argument is not an HTTP server
 */
export function checkServer(server: unknown): HttpServer {
  const candidate = server as Partial<HttpServer> | null | undefined;
  if (
    typeof server === 'object' &&
    candidate &&
    [candidate.on, candidate.emit, candidate.listenerCount, candidate.close].every((member) => typeof member === 'function')
  )
    return server as HttpServer;
  const hint = typeof server === 'function' ? '. Wrap an Express or Connect app: http.createServer(app)' : '';
  throw new PrimusError('ERR_PRIMUS_SERVER', `The first argument must be an HTTP server, got ${describe(server)}${hint}`);
}
