import { normalizePathname } from '../src/core/configuration.js';
import { describe, PrimusError } from '../src/core/errors.js';
import type { Fields } from '../src/core/transformer.js';

const UNIX = 'ws+unix:';

/** The parts of an address. `outgoing::url` passes them to its listeners, which may change them. */
export interface UrlOptions {
  /** `ws:`, `http:` or `ws+unix:`. */
  protocol: string;
  /** Whether the protocol is `wss:` or `https:`. */
  secure: boolean;
  /** `user:password`, or empty. */
  auth: string;
  /** The host and its port; in a ws+unix address the path of the socket and a colon. */
  host: string;
  pathname: string;
  /** Without the question mark. */
  query: string;
}

/**
 * Parses the address of a server. Without a protocol it is http; one without a host, such as `/app`, is on `origin`.
 *
 * @throws ERR_PRIMUS_URL when the address is invalid
 */
export function parseUrl(address: unknown, origin?: string): URL {
  let cause: unknown;
  try {
    const text = String(address ?? '');
    // The origin of a sandboxed frame is the string 'null', which is no host.
    const url = /^[/?#]/.test(text) ? new URL(text, origin) : new URL(text.replace(/^(?!null$|[a-z+]+:\/)/i, 'http://'));
    if (/^(https?|wss?|ws\+unix):$/.test(url.protocol)) return url;
  } catch (thrown) {
    cause = thrown;
  }
  throw new PrimusError('ERR_PRIMUS_URL', `The address must be http://host:port or wss://host:port, got ${describe(address)}`, {
    cause,
  });
}

/**
 * Returns the path to connect to: that of the address, else the option `pathname`, else that of the class. The address of the page that
 * the client runs in names a page, not a path of the server.
 */
export function pathnameOf({ protocol, pathname, href }: URL, option: string | undefined, assumed: string, page?: string): string {
  // In a ws+unix address the path follows that of the socket.
  const path = normalizePathname(href === page ? '' : protocol === UNIX ? pathname.replace(/^[^:]*:?/, '') : pathname);
  return path === '/' ? normalizePathname(option ?? assumed) : path;
}

/** Returns the parts of the address of one attempt; `unique` keeps caches out of the way. */
export function urlOptions(
  { protocol, search, username, password, host, pathname: file }: URL,
  pathname: string,
  speaks: 'ws' | 'http',
  unique: string,
  credentials: Fields = {},
): UrlOptions {
  const secure = /^(http|ws)s:/.test(protocol);
  const unix = protocol === UNIX;
  return {
    protocol: unix ? protocol : `${speaks}:`,
    secure,
    auth: username && username + (password && `:${password}`),
    // ws+unix://tmp/a.sock has a host: the first folder.
    host: unix ? `${host && `/${host}`}${file.split(':')[0]}:` : host,
    pathname,
    query: `${queryOf(search, credentials)}_primuscb=${unique}`,
  };
}

/** Returns the query with a trailing `&`. Credentials replace parameters of the same name. */
function queryOf(search: string, credentials: Fields): string {
  const params = new URLSearchParams(search);
  for (const [name, value] of Object.entries(credentials)) {
    params.set(name, value);
    search = `?${params}`;
  }
  return search && `${search.slice(1)}&`;
}

/** Returns the address as a string. */
export function printUrl({ protocol, secure, auth, host, pathname, query }: UrlOptions): string {
  return `${secure ? protocol.replace(/(http|ws):/, '$1s:') : protocol}//${auth && `${auth}@`}${host}${pathname}${query ? `?${query}` : ''}`;
}
