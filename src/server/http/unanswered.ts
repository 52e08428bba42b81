import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { reject } from './reject.js';

/**
 * The limit of requests that wait behind an unanswered one of their HTTP connection. Clients send the next request behind the answer to the
 * one before; with HTTP/2 a page may have many connections of ours over one of its own.
 */
const LIMIT = 16;
const LIMIT_HTTP2 = 100;

/** The number of requests that wait, of each HTTP connection. */
const counts = new WeakMap<object, number>();

/** The responses that wait, of each connection of HTTP/1. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>();

/** Node.js emits no `close` on a response that has no socket yet when its connection is lost: what waits for it would wait for ever. */
function closeWithSocket(response: ServerResponse, socket: Socket): void {
  let responses = waiting.get(socket);
  if (responses === undefined) {
    const all = new Set<ServerResponse>();
    responses = all;
    waiting.set(socket, all);
    socket.once('close', () => {
      for (const lost of all) {
        if (lost.closed) continue;
        lost.destroy();
        if (!lost.closed) lost.emit('close');
      }
    });
  }
  const set = responses.add(response);
  response.once('close', () => set.delete(response));
}

/**
 * Whether a request may be answered: Node.js reads on while pipelined requests wait, and a client that reads no answer would have thousands of
 * them wait for it. HTTP/1 answers in order, so that the connection of one too many is terminated; a stream of HTTP/2 is rejected with 503.
 */
export function acceptsRequest(request: IncomingMessage & { stream?: ServerHttp2Stream }, response: ServerResponse): boolean {
  const session = request.httpVersionMajor > 1 ? request.stream?.session : undefined;
  // Node.js gives a response of HTTP/1 its socket when those before it have been sent.
  if (session === undefined && response.socket !== null) return true;
  const connection = session ?? request.socket;
  const count = (counts.get(connection) ?? 0) + 1;
  if (count > (session === undefined ? LIMIT : LIMIT_HTTP2)) {
    if (session === undefined) request.socket.destroy();
    else reject(response, 503);
    return false;
  }
  counts.set(connection, count);
  if (session === undefined) closeWithSocket(response, request.socket);
  response.once('close', () => counts.set(connection, (counts.get(connection) ?? 1) - 1));
  return true;
}
