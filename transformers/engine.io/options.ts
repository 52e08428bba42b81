// biome-ignore lint/suspicious/noTsIgnore: it is no error where the package is installed.
/** @ts-ignore: optional, and who has it gets its types. */
import type { ServerOptions } from 'engine.io';
// biome-ignore lint/suspicious/noTsIgnore: it is no error where the package is installed.
/** @ts-ignore: optional, and who has it gets its types. */
import type { SocketOptions } from 'engine.io-client';
import type { Subscribable } from 'rxjs';

/** `transport` on the server: options of `engine.io`, but for those the library sets itself. */
export interface EngineIOServerTransport extends Omit<ServerOptions, 'cors' | 'maxHttpBufferSize'> {
  /** WebTransport sessions of an HTTP/3 server, when `transports` has `webtransport`. */
  sessions?: Subscribable<unknown>;
}

/** `transport` in the client: options of `engine.io-client`, but for those that follow from the address. */
export interface EngineIOClientTransport
  extends Omit<
    SocketOptions,
    'host' | 'hostname' | 'port' | 'secure' | 'path' | 'query' | 'transports' | 'transportImplementations' | 'protocols'
  > {
  /** In order of preference. Default all; without `websocket` where the client was told `websockets: false`. */
  transports?: ('polling' | 'websocket' | 'webtransport')[];
}
