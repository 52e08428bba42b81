import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { EngineRequest, EngineResponse } from './framework.js';
import type { EngineSocket } from './socket.js';

/** The request line and headers; the engine drops them when its handler returns. */
export interface RequestHead {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
}

/** Copies the request line and headers from the engine. */
export function readHead(request: EngineRequest): RequestHead {
  const headers: IncomingHttpHeaders = {};
  const rawHeaders: string[] = [];
  request.forEach((name, value) => {
    rawHeaders.push(name, value);
    add(headers, name, value);
  });
  const query = request.getQuery();
  const path = request.getUrl();
  return { method: request.getMethod().toUpperCase(), url: query ? `${path}?${query}` : path, headers, rawHeaders };
}

/**
 * Whether every proxy on the way sees the same end of a request (no request smuggling). The engine takes the first of
 * several lengths, none for an empty one, and any encoding for chunks; a proxy may not: RFC 9112, sections 6.3 and 11.2.
 */
export function isMeasured({ headers, rawHeaders }: RequestHead): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  if (length === undefined && encoding === undefined) return true;
  const given = rawHeaders.filter((name, index) => index % 2 === 0 && /^(content-length|transfer-encoding)$/.test(name));
  return given.length === 1 && (length === undefined ? /^chunked$/i.test(encoding as string) : /^\d+$/.test(length));
}

/** Headers of which only the first counts: https://nodejs.org/api/http.html#messageheaders */
const SINGLE = new Set(
  (
    'age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location ' +
    'max-forwards proxy-authorization referer retry-after server user-agent'
  ).split(' '),
);

function add(headers: IncomingHttpHeaders, name: string, value: string): void {
  if (name === 'set-cookie') headers[name] = [...(headers[name] ?? []), value];
  else if (!Object.hasOwn(headers, name)) headers[name] = value;
  else if (!SINGLE.has(name)) headers[name] = `${headers[name]}${name === 'cookie' ? '; ' : ', '}${value}`;
}

/** Node.js waits for the close of the socket when a request is destroyed; a `ConnectedPeer` is no stream, and never emits it. */
class EngineMessage extends IncomingMessage {
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.socket instanceof Duplex) super._destroy(error, done);
    else {
      (this.socket as Socket).destroy();
      done(error);
    }
  }
}

/** Creates Node's own request from one of the engine, without its body. */
export function incomingMessage({ method, url, headers, rawHeaders }: RequestHead, socket: EngineSocket): IncomingMessage {
  const request = new EngineMessage(socket as unknown as Socket);
  request.method = method;
  request.url = url;
  request.headers = headers;
  request.rawHeaders = rawHeaders;
  request.httpVersion = '1.1';
  request.httpVersionMajor = request.httpVersionMinor = 1;
  return request;
}

/** Streams the body into a request; a reader that is too slow pauses it. */
export function stream(response: EngineResponse, request: IncomingMessage, socket: EngineSocket): void {
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) {
    finish(request);
    return;
  }
  // The framework of the application may change the prototype of the request, but not what is its own.
  request._read = () => socket.setFlowing(true);
  response.onData((chunk, isLast) => {
    if (request.destroyed) return;
    if (chunk.byteLength > 0 && !request.push(Buffer.from(chunk.slice(0))) && !isLast) socket.setFlowing(false);
    if (isLast) finish(request);
  });
}

function finish(request: IncomingMessage): void {
  request.complete = true;
  request.push(null);
}

/** Ends the request of an exchange that is over: an answered one is discarded as far as it is unread, any other was aborted. */
export function leave(request: IncomingMessage, answered: boolean): void {
  if (answered) request.resume();
  else request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
}
