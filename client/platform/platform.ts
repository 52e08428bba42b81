import type { Observable, SchedulerLike } from 'rxjs';
import type { LinkError } from '../../src/core/errors.js';
import type { Kind } from '../../src/core/options.js';
import type { Target } from '../../src/core/transformer.js';

/** The part of the W3C WebSocket that the client uses. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  /** The subprotocol that was agreed on. */
  readonly protocol: string;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: { error?: unknown; message?: string }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  /** Terminates the connection at once, where the platform can. */
  terminate?(): void;
  pause?(): void;
  resume?(): void;
}

/** The environment that a client runs in. It is injected, never detected. */
export interface Platform {
  /** Makes a WebSocket that dials `url`. */
  webSocket(url: string, target: Target<Platform>): WebSocketLike;
  /** Reports why a server rejected the handshake of that socket, where the platform knows. */
  refusal?(socket: WebSocketLike, refused: (error: LinkError) => void): void;
  /** Receives the messages of that socket in a cheaper way than by its `onmessage`, where there is one. */
  messages?(socket: WebSocketLike, receive: (data: unknown, isBinary?: boolean) => void): void;
  /** Creates an agent for a framework's own requests that cannot be aborted: destroying it terminates them. */
  agent?(secure: boolean): { destroy(): void };
  /** Calls `flush` when the process exits, or when the returned function is called before. */
  onExit?(flush: () => void): () => void;
  /** `false` when the network is lost, `true` when it is back. */
  readonly network$: Observable<boolean>;
  /**
   * Examines the options as they were given, and the address, for mistakes whose checks would be too long for a page.
   *
   * @throws ERR_PRIMUS_OPTION when the options are no object, or have another path than the address
   */
  inspect?(options: unknown, address?: URL): void;
  /** Options that the platform does not support, each with the alternative. */
  readonly without?: { readonly [option: string]: Kind };
  /** The address to connect to when none is given. */
  readonly origin: string | undefined;
  /** The address of the page that the client runs in, where there is one. */
  readonly page?: string | undefined;
  /** The clock of heartbeats, waits and timeouts. */
  readonly scheduler: SchedulerLike;
  /** Reports an error that has no listener. */
  report(error: unknown): void;
  /** A uniform source in [0, 1). */
  readonly random: () => number;
}
