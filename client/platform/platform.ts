import type { Observable, SchedulerLike } from 'rxjs';
import type { LinkError } from '../../src/core/errors.js';
import type { Kind } from '../../src/core/options.js';
import type { Target } from '../../src/core/transformer.js';

/** The part of the W3C WebSocket that is used. */
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
  /** Cuts the line at once, where that can be done. */
  terminate?(): void;
  pause?(): void;
  resume?(): void;
}

/** What the client needs of where it runs; injected, never sniffed. */
export interface Platform {
  /** Makes a WebSocket that dials `url`. */
  webSocket(url: string, target: Target<Platform>): WebSocketLike;
  /** Tells why a server refused the handshake of that socket, where the platform lets one know. */
  refusal?(socket: WebSocketLike, refused: (error: LinkError) => void): void;
  /** Hears the messages of that socket by a way that is shorter than its `onmessage`, where there is one. */
  messages?(socket: WebSocketLike, receive: (data: unknown) => void): void;
  /** What a framework's own requests go through where they cannot be aborted: destroying it cuts them. */
  agent?(secure: boolean): { destroy(): void };
  /** `false` when the network is lost, `true` when it is back. */
  readonly network$: Observable<boolean>;
  /** Options that cannot be had here, each with what to do instead. */
  readonly without?: { readonly [option: string]: Kind };
  /** The address to connect to when none is given. */
  readonly origin: string | undefined;
  /** The clock of heartbeats, waits and timeouts. */
  readonly scheduler: SchedulerLike;
  /** Where an error goes that nobody else takes. */
  report(error: unknown): void;
  /** A uniform source in [0, 1). */
  readonly random: () => number;
}
