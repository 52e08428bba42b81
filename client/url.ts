import { describe, PrimusError } from '../src/core/errors.js';

/** What an address is built from; handed out by `outgoing::url`, and may be changed there. */
export interface UrlOptions {
  protocol: string;
  secure: boolean;
  /** `user:password`, or empty. */
  auth: string;
  host: string;
  pathname: string;
  /** Without the question mark. */
  query: string;
}

const PROTOCOLS = new Set(['http:', 'https:', 'ws:', 'wss:', 'ws+unix:']);

/** Parses the address of a server. Without protocol it is taken for http. */
export function parseUrl(address: unknown): URL {
  if (typeof address !== 'string' && !(address instanceof URL)) throw malformed(address);
  const text = String(address);
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text.replace(/^\/\//, '')}`);
  } catch (cause) {
    throw malformed(address, cause);
  }
  if (!PROTOCOLS.has(url.protocol)) {
    throw new PrimusError('ERR_PRIMUS_URL', `The protocol ${url.protocol} is not spoken; use http, https, ws, wss or ws+unix`);
  }
  return url;
}

/** The parts of the address of one attempt; `unique` keeps caches out of the way. */
export function urlOptions(url: URL, pathname: string, protocol: 'ws' | 'http', unique: string): UrlOptions {
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  const unix = url.protocol === 'ws+unix:';
  const query = url.search.slice(1);
  return {
    protocol: unix ? url.protocol : `${protocol}${secure ? 's' : ''}:`,
    secure,
    auth: url.username ? `${url.username}${url.password ? `:${url.password}` : ''}` : '',
    host: unix ? url.pathname.replace(/:.*/, '') : url.host,
    pathname: pathname,
    query: `${query}${query && '&'}_primuscb=${unique}`,
  };
}

/** ws+unix addresses name the socket's path first and the pathname after a colon. */
export function printUrl({ protocol, auth, host, pathname, query }: UrlOptions): string {
  const path = protocol === 'ws+unix:' ? `${host}:${pathname}` : `${auth && `${auth}@`}${host}${pathname}`;
  return `${protocol}//${path}${query && `?${query}`}`;
}

function malformed(address: unknown, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_URL', `The address ${describe(address)} does not parse; it should look like http://host:port`, { cause });
}
