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

/** Parses the address of a server. Without protocol it is taken for http. */
export function parseUrl(address: unknown): URL {
  const text = String(address);
  let url: URL;
  try {
    url = new URL(/^[a-z+]+:\/\//i.test(text) ? text : `http://${text.replace(/^\/\//, '')}`);
  } catch (cause) {
    throw new PrimusError('ERR_PRIMUS_URL', `The address ${describe(address)} does not parse; it should look like http://host:port`, { cause });
  }
  if (/^(https?|wss?|ws\+unix):$/.test(url.protocol)) return url;
  throw new PrimusError('ERR_PRIMUS_URL', `The protocol ${url.protocol} is not spoken; use http, https, ws, wss or ws+unix`);
}

/** The parts of the address of one attempt; `unique` keeps caches out of the way. */
export function urlOptions({ protocol, search, username, password, host, pathname: file }: URL, pathname: string, speaks: 'ws' | 'http', unique: string): UrlOptions {
  const secure = /^(http|ws)s:/.test(protocol);
  const unix = protocol === 'ws+unix:';
  return {
    protocol: unix ? protocol : `${speaks}${secure ? 's' : ''}:`,
    secure,
    auth: username && username + (password && `:${password}`),
    host: unix ? file : host,
    pathname,
    query: `${search.slice(1)}${search && '&'}_primuscb=${unique}`,
  };
}

/** ws+unix addresses name the socket's path first and the pathname after a colon. */
export function printUrl({ protocol, auth, host, pathname, query }: UrlOptions): string {
  return `${protocol}//${auth && `${auth}@`}${host}${protocol === 'ws+unix:' ? ':' : ''}${pathname}${query && `?${query}`}`;
}
