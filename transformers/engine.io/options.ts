// biome-ignore lint/suspicious/noTsIgnore: there is no error where the package is installed.
/** @ts-ignore: an optional peer; where it is installed, its types are used. */
import type { ServerOptions } from 'engine.io';
// biome-ignore lint/suspicious/noTsIgnore: there is no error where the package is installed.
/** @ts-ignore: an optional peer; where it is installed, its types are used. */
import type { SocketOptions } from 'engine.io-client';
import type { Subscribable } from 'rxjs';

/** The option `transport` of the server: the options of `engine.io`, without those that the library sets itself. */
export interface EngineIOServerTransport extends Omit<ServerOptions, 'cors' | 'maxHttpBufferSize'> {
  /**
   * The WebTransport sessions of an HTTP/3 server, when `transports` has `webtransport`.
   * @defaultValue none
   */
  sessions?: Subscribable<unknown>;
}

/** The option `transport` of the client: the options of `engine.io-client`, without those that follow from the address. */
export interface EngineIOClientTransport
  extends Omit<
    SocketOptions,
    'host' | 'hostname' | 'port' | 'secure' | 'path' | 'query' | 'transports' | 'transportImplementations' | 'protocols'
  > {
  /**
   * The transports to use, in order of preference.
   * @defaultValue all; without `websocket` when the client has `websockets: false`
   */
  transports?: ('polling' | 'websocket' | 'webtransport')[];
}
