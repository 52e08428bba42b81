import { EMPTY, type Observable, switchMap } from 'rxjs';
import type { ClientConfiguration } from '../src/core/configuration.js';
import type { Link } from '../src/core/link.js';
import type { Fields } from '../src/core/transformer.js';
import { fresh } from './credentials.js';
import type { ClientParts } from './options.js';
import type { Primus } from './primus.js';
import { printUrl, urlOptions } from './url.js';

/** One attempt: asks who we are, makes an address, and dials it, unless the client has been closed by then. */
export function dial(
  client: Primus,
  parts: ClientParts,
  { maxLength, compression }: ClientConfiguration,
  life: { readonly closed: boolean },
): Observable<Link> {
  const { transformer, platform } = parts;
  const { transport, websockets = true, ...options } = client.options;
  const dialled = (socket: unknown) => {
    client.socket = socket;
    client.emit('outgoing::open');
  };
  return fresh(options.credentials, options.headers).pipe(
    switchMap(([credentials, headers]) => {
      const url = address(client, parts, credentials);
      const target = { url, credentials, headers, transport, maxLength, compression, websockets, platform, client, dialled };
      return life.closed ? EMPTY : transformer.connect(target);
    }),
  );
}

/** The address of one attempt; its unique part keeps caches out of the way. */
function address(client: Primus, { transformer, platform }: ClientParts, credentials: Fields): string {
  const unique = platform.scheduler.now().toString(36) + platform.random().toString(36).slice(2, 5);
  const path = client.pathname + (transformer.path ?? '');
  const options = urlOptions(client.url, path, transformer.protocol ?? 'http', unique, credentials);
  client.emit('outgoing::url', options);
  return printUrl(options);
}
