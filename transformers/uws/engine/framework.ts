import { PrimusError } from '../../../src/core/errors.js';
import { loadFramework, type Require } from '../../../src/core/load-framework.js';
import { packageRequire } from '../../../src/core/package-require.js';

/** The part of uWebSockets.js that is used. */
export interface UWS {
  App(): App;
  SSLApp(options: object): App;
  us_listen_socket_close(socket: object): void;
  us_socket_local_port(socket: object): number;
  SHARED_COMPRESSOR: number;
  SHARED_DECOMPRESSOR: number;
  DISABLED: number;
}

export interface App {
  ws(pattern: string, behavior: Behavior): App;
  any(pattern: string, handler: (response: EngineResponse, request: EngineRequest) => void): App;
  listen(host: string, port: number, listening: (socket: object | false) => void): App;
  listen(port: number, listening: (socket: object | false) => void): App;
  listen_unix(listening: (socket: object | false) => void, path: string): App;
  publish(topic: string, message: string | Uint8Array, isBinary: boolean, compress: boolean): boolean;
  /** Terminates every connection. */
  close(): App;
}

/** Settings of the connections of one path. */
export interface Settings {
  maxPayloadLength: number;
  compression: number;
  maxLifetime: number;
}

export interface Behavior extends Settings {
  /** Frames above this limit are dropped; 0 is no limit. */
  maxBackpressure: number;
  idleTimeout: number;
  sendPingsAutomatically: boolean;
  upgrade(response: EngineResponse, request: EngineRequest, context: object): void;
  open(socket: EngineWebSocket): void;
  message(socket: EngineWebSocket, data: ArrayBuffer, isBinary: boolean): void;
  /** Called after a ping was answered. */
  ping(socket: EngineWebSocket): void;
  drain(socket: EngineWebSocket): void;
  close(socket: EngineWebSocket, code: number, reason: ArrayBuffer): void;
}

/** A connection. It must not be used after `close` was called. */
export interface EngineWebSocket {
  /** Set by the upgrade. */
  readonly listener: WebSocketListener;
  /** 1: sent, 0: waits for the peer to read, 2: dropped. */
  send(message: string | Uint8Array, isBinary: boolean, compress: boolean): number;
  end(code: number, reason: string): void;
  close(): void;
  cork(send: () => void): void;
  getBufferedAmount(): number;
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
}

/** The listener of one connection. */
export interface WebSocketListener {
  opened(socket: EngineWebSocket): void;
  received(data: ArrayBuffer, isBinary: boolean): void;
  answered(): void;
  drained(): void;
  closed(code: number, reason: string): void;
}

/** An answer that is due. It must not be used once it is complete or aborted. */
export interface EngineResponse {
  cork(write: () => void): void;
  writeStatus(status: string | Uint8Array): void;
  writeHeader(name: string, value: string | Uint8Array): void;
  /** Writes a chunk; returns false when the peer reads too slowly. */
  write(chunk: Uint8Array): boolean;
  end(body: Uint8Array | string, closeConnection: boolean): void;
  endWithoutBody(): void;
  /** Writes more of a body of known length; returns whether all was taken, and whether the body is complete. */
  tryEnd(chunk: Uint8Array, length: number): [taken: boolean, complete: boolean];
  getWriteOffset(): number;
  onWritable(listener: (offset: number) => boolean): void;
  onAborted(listener: () => void): void;
  onData(listener: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  pause(): void;
  resume(): void;
  close(): void;
  getRemoteAddress(): ArrayBuffer;
  upgrade(data: { listener: WebSocketListener }, key: string, protocol: string, extensions: string, context: object): void;
}

/** A request. It must not be used after its handler returned. */
export interface EngineRequest {
  getMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEach(each: (name: string, value: string) => void): void;
  setYield(pass: boolean): void;
}

/** The authors' releases, each with the versions of Node.js that it has binaries for. */
const RELEASES: readonly (readonly [release: string, node: readonly number[]])[] = [
  ['v20.30.0', [20]],
  ['v20.52.0', [20, 22, 24]],
  ['v20.67.0', [22, 24, 26]],
];

/**
 * Loads uWebSockets.js. It is not on npm: the hint names the place where its authors publish it, and the release for this Node.js.
 *
 * The packages on npm that have it replace the native engine by one in JavaScript where they have no binary. That one is unfinished:
 * the first request ends the process, or is answered with an empty page.
 * @throws ERR_PRIMUS_MISSING when it is not installed, has no binary for this Node.js, or is not the native engine
 */
export function loadEngine(require: Require = packageRequire): UWS {
  const [release] = RELEASES.find(([, node]) => node.includes(Number.parseInt(process.versions.node, 10))) ?? ['v20.67.0'];
  const source = `uNetworking/uWebSockets.js#${release}`;
  const engine = loadFramework<UWS>(require, 'uWebSockets.js', '^20.30.0-0', source);
  if (isNative(engine.App)) return engine;
  const { bun, deno, node } = process.versions;
  const runtime = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node.js ${node}`;
  const releases = RELEASES.map(([tag, versions]) => `${tag} (Node.js ${versions.join(', ')})`).join(', ');
  throw new PrimusError(
    'ERR_PRIMUS_MISSING',
    `The package 'uWebSockets.js' has no native engine for ${runtime} on ${process.platform} ${process.arch}, and its replacement in JavaScript ` +
      `is not supported. Use another transformer, or a release of its authors: ${releases}${bun || deno ? '' : `. Run: npm install ${source}`}`,
  );
}

function isNative(method: unknown): boolean {
  return typeof method === 'function' && /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(method));
}
