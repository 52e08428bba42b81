import type { EventEmitter } from 'node:events';
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

/** The answer to the parser of Node.js that what follows the headers of a request is not HTTP. */
const UPGRADE = 2;

/** The responses that wait, of each HTTP connection: a socket, or a session of HTTP/2. */
const waiting = new WeakMap<EventEmitter, Set<ServerResponse>>();

/**
 * Whether a request may be answered: Node.js reads on while pipelined requests wait, and a client that reads no answer would have thousands of
 * them wait for it. HTTP/1 answers in order, so that the connection of one too many is terminated; a stream of HTTP/2 is rejected with 503.
 */
export function acceptsRequest(request: IncomingMessage & { stream?: ServerHttp2Stream }, response: ServerResponse): boolean {
  const session = request.httpVersionMajor > 1 ? request.stream?.session : undefined;
  // Node.js gives a response of HTTP/1 its socket when those before it have been sent.
  if (session === undefined && response.socket !== null) return true;
  const responses = waitingOn(session ?? request.socket);
  if (responses.size < (session === undefined ? LIMIT : LIMIT_HTTP2)) {
    responses.add(response);
    response.once('close', () => responses.delete(response));
    return true;
  }
  if (session === undefined) terminate(request.socket);
  else reject(response, 503);
  return false;
}

/**
 * Terminates a connection, and ends the parsing of what has arrived on it already: Node.js would make a request of every hundred bytes of a
 * segment, also for a connection that is destroyed, and many such segments may be read in one turn of the event loop. Node.js has no public
 * way: its parser stops at a request that begins another protocol.
 */
function terminate(socket: Socket & { parser?: { onIncoming?: () => number } | null }): void {
  socket.destroy();
  if (socket.parser?.onIncoming) socket.parser.onIncoming = () => UPGRADE;
}

function waitingOn(connection: EventEmitter): Set<ServerResponse> {
  const known = waiting.get(connection);
  if (known !== undefined) return known;
  const responses = new Set<ServerResponse>();
  waiting.set(connection, responses);
  // Node.js emits no `close` on a response that has no socket yet when its connection is lost: what waits for it would wait for ever.
  connection.once('close', () => {
    for (const response of responses) {
      response.destroy();
      if (!response.closed) response.emit('close');
    }
  });
  return responses;
}
