import type { IncomingMessage } from 'node:http';
import { type ParsedUrlQuery, parse as parseQuery } from 'node:querystring';
import { parse, type UrlWithParsedQuery } from 'node:url';
import type { Address } from '../spark.js';

/** A request as middleware and `authorize` get it. */
export interface PrimusRequest extends IncomingMessage {
  /** The target as the client sent it. */
  originalUrl: string;
  /** The parsed target. */
  uri: UrlWithParsedQuery;
  /** The parsed query string of the target. A key that occurs twice has a list of values. */
  query: ParsedUrlQuery;
  /** The address of the client, from the layer `forwarded` on. */
  forwarded?: Address;
}

/** The scheme and host of an absolute-form target (RFC 9112, section 3.2.2), which proxies send. */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/** Returns the path and query of a target. A target that is neither a path nor absolute is returned as it is. */
export function pathOf(target: string): string {
  const [authority] = ABSOLUTE.exec(target) ?? [];
  if (authority === undefined) return target;
  const path = target.slice(authority.length);
  return path.startsWith('/') ? path : `/${path}`;
}

/**
 * Adds `uri`, `query` and `originalUrl` to a request, and reduces an absolute-form `url` to its path: transformers and middleware compare it
 * with paths. The target is parsed only when `uri` or `query` is read.
 */
export function describeTarget(request: IncomingMessage): void {
  const { url = '' } = request;
  Object.defineProperties(request, LAZY);
  (request as PrimusRequest).originalUrl = url;
  if (!url.startsWith('/')) request.url = pathOf(url);
}

const LAZY: PropertyDescriptorMap = {
  uri: lazy('uri', ({ originalUrl }) => uriOf(originalUrl)),
  query: lazy('query', ({ uri }) => uri.query),
};

/** Describes a property that is computed when it is read first, and can be assigned. */
function lazy<K extends 'uri' | 'query'>(name: K, compute: (request: PrimusRequest) => PrimusRequest[K]): PropertyDescriptor {
  const assign = (request: PrimusRequest, value: unknown) =>
    Object.defineProperty(request, name, { value, writable: true, enumerable: true, configurable: true });
  return {
    get(this: PrimusRequest) {
      const value = compute(this);
      assign(this, value);
      return value;
    },
    set(this: PrimusRequest, value) {
      assign(this, value);
    },
    enumerable: true,
    configurable: true,
  };
}

/** Parses a target. `url.parse` throws for some hosts, such as `http://%@x/`: these are left out. */
function uriOf(target: string): UrlWithParsedQuery {
  try {
    return parse(target, true);
  } catch {
    const path = pathOf(target).replace(/#.*$/s, '');
    const end = path.includes('?') ? path.indexOf('?') : path.length;
    const search = path.slice(end);
    return Object.assign(parse('/', true), {
      href: target,
      path,
      pathname: path.slice(0, end),
      search,
      query: parseQuery(search.slice(1)),
    });
  }
}
