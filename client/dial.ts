import { Observable } from 'rxjs';
import type { ClientConfiguration } from '../src/core/configuration.js';
import { isPromise } from '../src/core/eventual.js';
import type { Link } from '../src/core/link.js';
import type { Fields } from '../src/core/transformer.js';
import { fresh } from './credentials.js';
import type { ClientParts, ParsedClientOptions } from './options.js';
import { printUrl, urlOptions } from './url.js';

/** The client of an attempt, as far as the attempt uses it. */
export interface DialClient {
  readonly options: ParsedClientOptions;
  readonly url: URL;
  readonly pathname: string;
  socket: unknown;
  emit(event: string, ...args: unknown[]): unknown;
}

/** Makes one attempt: resolves the credentials, builds an address, and dials it. */
export function dial(
  client: DialClient,
  { transformer, platform }: ClientParts,
  { maxLength: serverLimit, compression }: ClientConfiguration,
): Observable<Link> {
  const { transport, maxLength, websockets = true, credentials, headers } = client.options;
  const given = { transport, maxLength, serverLimit, compression, websockets, platform, client };

  /** Returns the address of one attempt; its unique part keeps caches out of the way. */
  function address(fields: Fields): string {
    const unique = platform.scheduler.now().toString(36) + platform.random().toString(36).slice(2, 5);
    const path = client.pathname + (transformer.path ?? '');
    const options = urlOptions(client.url, path, transformer.protocol ?? 'http', unique, fields);
    client.emit('outgoing::url', options);
    return printUrl(options);
  }

  function dialled(socket: unknown): void {
    client.socket = socket;
    client.emit('outgoing::open');
  }

  return new Observable((subscriber) => {
    function connect([credentials = {}, headers = {}]: Fields[]): void {
      if (subscriber.closed) return;
      const target = { ...given, url: address(credentials), credentials, headers, dialled };
      // A listener of `outgoing::url` may have ended the client.
      if (!subscriber.closed) transformer.connect(target).subscribe(subscriber);
    }
    const resolved = fresh(credentials, headers);
    if (isPromise(resolved)) resolved.then(connect).catch((error: unknown) => subscriber.error(error));
    else connect(resolved);
  });
}
