import type { Subscribable } from 'rxjs';
// biome-ignore lint/suspicious/noTsIgnore: it is no error where the package is installed.
/** @ts-ignore: optional, and who has it gets its types. */
import type { ServerOptions } from 'socket.io';
// biome-ignore lint/suspicious/noTsIgnore: it is no error where the package is installed.
/** @ts-ignore: optional, and who has it gets its types. */
import type { ManagerOptions, SocketOptions } from 'socket.io-client';

/** `transport` on the server: options of `socket.io`, but for those the library sets itself. */
export interface SocketIOServerTransport
  extends Partial<
    Omit<ServerOptions, 'cors' | 'maxHttpBufferSize' | 'path' | 'serveClient' | 'connectionStateRecovery' | 'addTrailingSlash'>
  > {
  /** WebTransport sessions of an HTTP/3 server, when `transports` has `webtransport`. */
  sessions?: Subscribable<unknown>;
}

/** Options of the manager that follow from the address, or that are ours: we reconnect. */
type Ours = 'host' | 'hostname' | 'port' | 'secure' | 'path' | 'query' | 'transports' | 'transportImplementations' | 'protocols';
type Reconnection = 'forceNew' | 'multiplex' | 'autoConnect' | 'timeout' | 'randomizationFactor' | `reconnection${string}`;

/** `transport` in the client: options of `socket.io-client`, but for those that follow from the address. */
export interface SocketIOClientTransport extends Partial<Omit<ManagerOptions, Ours | Reconnection>>, Pick<SocketOptions, 'auth'> {
  /** In order of preference. Default all; without `websocket` where the client was told `websockets: false`. */
  transports?: ('polling' | 'websocket' | 'webtransport')[];
}

/**
 * A frame is the one argument of the event `message` in the namespace `/`. Within a packet it is JSON once more, where
 * a character may take two: this much must pass for a frame of `maxLength`. Control characters, which no JSON text has,
 * take up to six.
 */
export function longestPacket(maxLength: number): number {
  return maxLength * 2 + 64;
}

/** What an unmodified socket.io peer sends may be anything: what is neither text nor bytes is taken as its JSON text. */
export function frameOf(data: unknown): string | Uint8Array | undefined {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return JSON.stringify(data);
}
