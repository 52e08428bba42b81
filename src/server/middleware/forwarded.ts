import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Address } from '../spark.js';
import type { Middleware } from './layers.js';
import { type Trust, trusted } from './proxies.js';

/** A request, with the address of its client. */
export interface ForwardedRequest extends IncomingMessage {
  forwarded?: Address;
}

/** The part of a server that this middleware uses. */
interface ForwardedHost {
  readonly options: { readonly trustProxy?: unknown; readonly whitelist?: unknown };
}

/**
 * Creates the middleware that finds the client's address of a request: `spark.address`, and `forwarded` on the request. Only the word of
 * trusted proxies counts, as any client can send these headers. By default those of private networks are trusted.
 *
 * ```
 * X-Forwarded-For: forged, client, proxy 1        <- proxy 2 (the socket)
 *                          ^ the first from the right that is not trusted
 * ```
 */
export function forwarded(this: ForwardedHost): Middleware {
  const clientOf = clientAddresses(this.options);
  const layer = (request: ForwardedRequest, _response: unknown): void => {
    request.forwarded = clientOf(request);
  };
  return Object.assign(layer as Middleware, { raw: true });
}

/** Returns the address of a request's client: the one that trusted proxies forwarded, where the middleware ran. */
export function clientAddress(request: ForwardedRequest): Address {
  return request.forwarded ?? addressOf(request);
}

/**
 * Returns the function that finds the address of a client, for the options of a server.
 *
 * @throws ERR_PRIMUS_OPTION when `trustProxy` has the wrong type, or an entry is not an address or network
 */
export function clientAddresses(options: ForwardedHost['options']): (request: IncomingMessage) => Address {
  const trust = trusted(options);
  return trust === undefined ? addressOf : (request) => origin(request, trust);
}

/** Returns the address of the peer at the other side of a request's socket. */
export function addressOf({ socket }: IncomingMessage): Address {
  return { ip: socket.remoteAddress, port: socket.remotePort, secure: (socket as TLSSocket).encrypted === true } as Address;
}

interface Hop {
  ip: string;
  port?: number | undefined;
  secure?: boolean | undefined;
}

function origin(request: IncomingMessage, trust: Trust): Address {
  const peer = addressOf(request);
  let hop: Hop = peer;
  let at = 0;
  for (const next of hops(request)) {
    // A trusted proxy may not name the hop before it (`unknown`, `_hidden`): then the proxy is the last known hop.
    if (!trust(hop.ip ?? '', at++) || next === undefined) break;
    hop = next;
  }
  if (hop === peer) return peer;
  const { headers } = request;
  const port = hop.port ?? portOf(first(headers['x-forwarded-port']) ?? first(headers['x-real-port'])) ?? 0;
  return { ip: hop.ip, port, secure: hop.secure ?? first(headers['x-forwarded-proto']) === 'https' };
}

/** Yields the hops before the socket, the nearest first; `undefined` for a hop that is not an address. A stranger may send thousands. */
function* hops({ headers }: IncomingMessage): Generator<Hop | undefined> {
  const list = headers['x-forwarded-for'];
  const real = headers['x-real-ip'];
  if (list !== undefined) for (const text of String(list).split(',').reverse()) yield hopOf(text);
  else if (headers.forwarded !== undefined) for (const text of String(headers.forwarded).split(',').reverse()) yield elementOf(text);
  else if (real !== undefined) yield hopOf(String(real));
}

/** Parses a hop: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`. */
function hopOf(text: string): Hop | undefined {
  const node = text.trim();
  if (isIP(node) !== 0) return { ip: node };
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(node) ?? [];
  const ip = v6 ?? v4;
  return ip !== undefined && isIP(ip) === (v6 === undefined ? 4 : 6) ? { ip, port: portOf(port) } : undefined;
}

/** Parses an element of RFC 7239, such as `for="[::1]:80";proto=https`. */
function elementOf(element: string): Hop | undefined {
  const hop = hopOf(parameter(element, 'for') ?? '');
  return hop && { ...hop, secure: parameter(element, 'proto')?.toLowerCase() === 'https' };
}

function parameter(element: string, name: string): string | undefined {
  for (const pair of element.split(';')) {
    const at = pair.indexOf('=');
    if (pair.slice(0, at).trim().toLowerCase() === name)
      return pair
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}

function first(header: string | string[] | undefined): string | undefined {
  return header === undefined ? undefined : String(header).split(',', 1)[0]?.trim().toLowerCase();
}

function portOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined;
}
