import type { IncomingMessage } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { RequestExchange } from './host.js';
import { reject } from './reject.js';

/**
 * The limit of unanswered requests on one HTTP connection. Clients send the next request behind the answer to the one before; with HTTP/2 a
 * page may have many connections of ours over one of its own.
 */
const LIMIT = 16;
const LIMIT_HTTP2 = 100;

/** Counts the unanswered requests of each HTTP connection: Node.js reads on while a pipelined request waits for its answer. */
export class Unanswered {
  readonly #counts = new WeakMap<object, number>();

  /** Returns false for one request too many. HTTP/1 answers in order, so that its connection is terminated; a stream is rejected with 503. */
  accepts({ request, response }: RequestExchange): boolean {
    const { connection, limit } = connectionOf(request);
    if ((this.#counts.get(connection) ?? 0) < limit) return true;
    if (limit === LIMIT) request.socket.destroy();
    else reject(response, 503);
    return false;
  }

  /** Counts a request that was not answered in its turn, until it is answered. */
  watch({ request, response }: RequestExchange): void {
    if (response.writableEnded || response.destroyed) return;
    const { connection } = connectionOf(request);
    const add = (count: number) => this.#counts.set(connection, (this.#counts.get(connection) ?? 0) + count);
    add(1);
    response.once('close', () => add(-1));
  }
}

function connectionOf(request: IncomingMessage & { stream?: ServerHttp2Stream }): { connection: object; limit: number } {
  const session = request.httpVersionMajor > 1 ? request.stream?.session : undefined;
  return session ? { connection: session, limit: LIMIT_HTTP2 } : { connection: request.socket, limit: LIMIT };
}
