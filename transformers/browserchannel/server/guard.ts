import type { IncomingMessage } from 'node:http';
import type { Rejection } from '../../../src/server/http/reject.js';
import type { Address } from '../../shared/server/http-endpoint.js';
import type { BrowserChannelLink } from './link.js';
import { parseNumber } from './messages.js';

const METHODS = { '/test': ['GET'], '/bind': ['GET', 'POST'], '/bcsocket.js': ['GET', 'HEAD'] };

/** The parts of a request's address. */
export interface EndpointQuery {
  /** One of the keys of `METHODS`; anything else is not served. */
  endpoint: string;
  query: URLSearchParams;
}

/** Parses the address of a request. */
export function parseAddress({ path, search }: Address): EndpointQuery {
  return { endpoint: path, query: new URLSearchParams(search) };
}

/** Returns how a request is rejected that must not reach the framework. */
export function rejectionOf(
  { method = '' }: IncomingMessage,
  { endpoint, query }: EndpointQuery,
  link: BrowserChannelLink | undefined,
): Rejection | undefined {
  const allowed = METHODS[endpoint as keyof typeof METHODS];
  if (allowed === undefined) return { status: 404, message: 'There is no such endpoint' };
  if (!allowed.includes(method))
    return { status: 405, message: `${endpoint} takes ${allowed.join(' and ')}`, headers: { Allow: allowed.join(', ') } };
  if (endpoint === '/bcsocket.js') return undefined;
  if (query.get('VER') !== '8') return { status: 400, message: 'The only version is 8' };
  const type = query.get('TYPE');
  if (type === 'html') return { status: 400, message: 'Answers are not written into pages' };
  if (endpoint === '/test') return undefined;
  // Clients look for exactly these words.
  const unknown = method === 'GET' ? link === undefined || link.socket.state === 'closed' : link === undefined && query.get('SID');
  if (unknown) return { status: 400, message: 'Unknown SID' };
  if (method === 'POST' || type === 'terminate') {
    const rid = parseNumber(query.get('RID'));
    if (rid === undefined) return { status: 400, message: 'RID is the number of the request' };
    const early = method === 'POST' && link !== undefined && rid > link.rid;
    return early ? { status: 400, message: `It is the turn of request ${link.rid}` } : undefined;
  }
  if (type !== 'xmlhttp') return { status: 400, message: 'TYPE is xmlhttp or terminate' };
  return query.get('RID') === 'rpc' ? undefined : { status: 400, message: 'RID is rpc' };
}
