import { clientRequests, type RequestClient } from './client.js';
import { RequestError } from './errors.js';
import { type RequestOptions, requestOptions } from './options.js';
import type { ClientRequests } from './types.js';

const created = new WeakMap<object, ClientRequests>();

/** Returns the requests of a client, in a page with a served library: for the same client the same object. There are no contracts. */
export function requests(client: RequestClient, options: RequestOptions = {}): ClientRequests {
  const known = created.get(client) ?? clientRequests(client, requestOptions(options));
  created.set(client, known);
  return known;
}

export { RequestError };
