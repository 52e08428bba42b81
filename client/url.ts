import { describe, PrimusError } from '../src/core/errors.js';
import type { Fields } from '../src/core/transformer.js';

/** The parts of an address. `outgoing::url` passes them to its listeners, which may change them. */
export interface UrlOptions {
  protocol: string;
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
 * Parses the address of a server. Without a protocol it is http.
 *
 * @throws ERR_PRIMUS_URL when the address is invalid
 */
export function parseUrl(address: unknown): URL {
  let cause: unknown;
  try {
    const url = new URL(String(address ?? '').replace(/^(\/\/)?(?![a-z+]+:\/\/)/i, 'http://'));
    if (/^(https?|wss?|ws\+unix):$/.test(url.protocol)) return url;
  } catch (thrown) {
    cause = thrown;
  }
  throw new PrimusError(
    'ERR_PRIMUS_URL',
    `The address must be like http://host:port (or https, ws, wss, ws+unix), got ${describe(address)}`,
    { cause },
  );
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
  const unix = protocol === 'ws+unix:';
  return {
    protocol: unix ? protocol : `${speaks}${secure ? 's' : ''}:`,
    secure,
    auth: username && username + (password && `:${password}`),
    host: unix ? `${file}:` : host,
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
export function printUrl({ protocol, auth, host, pathname, query }: UrlOptions): string {
  return `${protocol}//${auth && `${auth}@`}${host}${pathname}${query && `?${query}`}`;
}
