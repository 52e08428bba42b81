import type { IncomingMessage } from 'node:http';

/** The last request of one method. */
interface Last {
  readonly tag: string;
  readonly port: number | undefined;
}

/**
 * Recognizes the requests of a session that a browser has sent again by itself, as their connection broke before the answer. Its page does
 * not learn of it: the messages in the first answer would be lost, those in the first body would arrive twice.
 *
 * Clients give each request another value of the parameter `t`, against caches. The same value once more, over another TCP connection, is
 * the same request. Of clients with a constant value, or none, nothing is known.
 */
export class Repetitions {
  readonly #first: string | undefined;
  readonly #last = new Map<string, Last>();
  #varies = false;

  /** @param url the address of the request that opened the session */
  constructor(url: string | undefined) {
    this.#first = tagOf(url);
  }

  /** Notes a request, and returns whether it repeats the one before of the same kind. */
  isRepeated(kind: string, { url, socket }: IncomingMessage): boolean {
    const tag = tagOf(url);
    if (tag === undefined) return false;
    this.#varies ||= tag !== this.#first;
    const last = this.#last.get(kind);
    const port = socket.remotePort;
    this.#last.set(kind, { tag, port });
    return this.#varies && last?.tag === tag && last.port !== port;
  }
}

function tagOf(url = ''): string | undefined {
  return /[?&]t=([^&#]+)/.exec(url)?.[1];
}
