import { describe, PrimusError } from '../src/core/errors.js';
import type { Fields } from '../src/core/transformer.js';

/** What an address is built from; handed out by `outgoing::url`, and may be changed there. */
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

/** Parses the address of a server. Without protocol it is taken for http. */
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
    `The address must be like http://host:port (or https, ws, wss, ws+unix), not ${describe(address)}`,
    { cause },
  );
}

/** The parts of the address of one attempt; `unique` keeps caches out of the way. */
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

/** A query to be continued. Credentials take the place of what has their name. */
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
