import type { IncomingMessage, ServerResponse } from 'node:http';
import { tooLong } from '../../../src/core/close-reasons.js';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import type { BodyBuffer } from './body-buffer.js';
import type { HttpLink } from './http-link.js';
import { type BodyReading, readBody } from './read-body.js';
import type { Endpoint } from './serve.js';

/** The limit of bytes in a request beside one message: clients collect the messages that they send during another request. */
export const GATHERED = 1_048_576;

/** The part of a request's address below the pathname that is served. */
export interface Address {
  /** The path, such as `/info`. */
  readonly path: string;
  /** The query, with its `?`. */
  readonly search: string;
}

/** Base of the HTTP endpoints of a framework whose sessions live on many requests: its links, each by the id of its session. */
export abstract class HttpEndpoint<L extends HttpLink> implements Endpoint {
  protected readonly host: Host;
  /** The pathname that is served; empty for the root. */
  protected readonly base: string;
  protected readonly arrived: (arrival: Arrival) => void;
  protected readonly links = new Map<string, L>();

  constructor(host: Host, arrived: (arrival: Arrival) => void) {
    this.host = host;
    this.base = host.pathname === '/' ? '' : host.pathname;
    this.arrived = arrived;
  }

  /** Whether a request belongs to an open connection. */
  continues(request: IncomingMessage): boolean {
    return this.linkOf(this.addressOf(request)) !== undefined;
  }

  abstract request(exchange: RequestExchange): void;
  abstract upgrade(exchange: UpgradeExchange): void;

  /** Finds the link of the session that an address names. */
  protected abstract linkOf(address: Address): L | undefined;

  protected addressOf({ url = '' }: IncomingMessage): Address {
    const [, path = '', search = ''] = /^([^?#]*)([^#]*)/.exec(url) ?? [];
    return { path: path.slice(this.base.length), search };
  }

  /** Creates a request for the framework, with another address and more: `spark.request` stays as it came. */
  protected aliasOf(request: IncomingMessage, address: string, more: PropertyDescriptorMap = {}): IncomingMessage {
    return Object.create(request, { url: { value: `${this.base}${address}`, writable: true }, ...more }) as IncomingMessage;
  }

  /**
   * Reads the body of a request, once its link is not paused: frameworks read without limit. A body longer than the limit is rejected with
   * 413, and ends the link.
   */
  protected readBody(
    exchange: RequestExchange,
    { limit, decoder }: Pick<BodyReading, 'limit' | 'decoder'>,
    link: L | undefined,
    done: (body: BodyBuffer) => void,
  ): void {
    const { response } = exchange;
    const read = () =>
      readBody(exchange, this.host, {
        limit,
        decoder,
        terminate: () => link?.destroy(),
        done: (body) => {
          if (body === null) this.rejectTooLong(response, link);
          else done(body);
        },
      });
    if (link === undefined) read();
    else link.gate.pass(response, read);
  }

  protected rejectTooLong(response: ServerResponse, link: L | undefined): void {
    reject(response, { status: 413, message: tooLong(this.host.maxLength), headers: { Connection: 'close' } });
    link?.failTooLong();
  }
}
