import type { Subscribable } from 'rxjs';
// biome-ignore lint/suspicious/noTsIgnore: there is no error where the package is installed.
/** @ts-ignore: an optional peer; where it is installed, its types are used. */
import type { ServerOptions } from 'socket.io';
// biome-ignore lint/suspicious/noTsIgnore: there is no error where the package is installed.
/** @ts-ignore: an optional peer; where it is installed, its types are used. */
import type { ManagerOptions, SocketOptions } from 'socket.io-client';

/** The option `transport` of the server: the options of `socket.io`, without those that the library sets itself. */
export interface SocketIOServerTransport
  extends Partial<
    Omit<ServerOptions, 'cors' | 'maxHttpBufferSize' | 'path' | 'serveClient' | 'connectionStateRecovery' | 'addTrailingSlash'>
  > {
  /**
   * The WebTransport sessions of an HTTP/3 server, when `transports` has `webtransport`.
   * @defaultValue none
   */
  sessions?: Subscribable<unknown>;
}

/** Options of the manager that follow from the address. */
type FromAddress = 'host' | 'hostname' | 'port' | 'secure' | 'path' | 'query' | 'transports' | 'transportImplementations' | 'protocols';
/** Options of the manager for reconnecting, which the library does itself. */
type Reconnection = 'forceNew' | 'multiplex' | 'autoConnect' | 'timeout' | 'randomizationFactor' | `reconnection${string}`;

/** The option `transport` of the client: the options of `socket.io-client`, without those that follow from the address. */
export interface SocketIOClientTransport extends Partial<Omit<ManagerOptions, FromAddress | Reconnection>>, Pick<SocketOptions, 'auth'> {
  /**
   * The transports to use, in order of preference.
   * @defaultValue all; without `websocket` when the client has `websockets: false`
   */
  transports?: ('polling' | 'websocket' | 'webtransport')[];
}

/**
 * Returns the longest packet that a frame of `maxLength` needs. A frame is the one argument of the event `message` in the
 * namespace `/`. Within a packet it is encoded as JSON once more, where a character may take two; control characters, which
 * no JSON has, take up to six.
 */
export function longestPacket(maxLength: number): number {
  return maxLength * 2 + 64;
}

/** Returns the frame in a message. A foreign peer may send any value: one that is neither a string nor bytes is encoded as JSON. */
export function frameOf(data: unknown): string | Uint8Array | undefined {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return JSON.stringify(data);
}
