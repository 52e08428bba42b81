import type { IncomingMessage } from 'node:http';

/** The data of authorization functions, by request. */
const found = new WeakMap<IncomingMessage, unknown>();

/** Notes what authorization has found about a request. */
export function noteAuthorized(request: IncomingMessage, data: unknown): void {
  if (data === undefined) found.delete(request);
  else found.set(request, data);
}

/** Returns what authorization has found about a request. */
export function authorizedData(request: IncomingMessage): unknown {
  return found.get(request);
}
