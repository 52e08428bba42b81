import { createRequire } from 'node:module';
import { loadFramework } from '../../../src/core/load-framework.js';

const require = createRequire(import.meta.url);

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
  /** Cuts every connection. */
  close(): App;
}

/** What holds for the connections of one path. */
export interface Settings {
  maxPayloadLength: number;
  /** Above it what is sent is dropped; 0 is without end. */
  maxBackpressure: number;
  compression: number;
  maxLifetime: number;
}

export interface Behavior extends Settings {
  closeOnBackpressureLimit: boolean;
  idleTimeout: number;
  sendPingsAutomatically: boolean;
  upgrade(response: EngineResponse, request: EngineRequest, context: object): void;
  open(socket: EngineWebSocket): void;
  message(socket: EngineWebSocket, data: ArrayBuffer, isBinary: boolean): void;
  drain(socket: EngineWebSocket): void;
  close(socket: EngineWebSocket, code: number, reason: ArrayBuffer): void;
}

/** A connection; it must not be touched once `close` was called. */
export interface EngineWebSocket {
  /** What it was upgraded with. */
  readonly endpoint: Endpoint;
  /** 1: sent, 0: waits for the peer to read, 2: dropped. */
  send(message: string | Uint8Array, isBinary: boolean, compress: boolean): number;
  end(code: number, reason: string): void;
  close(): void;
  cork(send: () => void): void;
  getBufferedAmount(): number;
  subscribe(topic: string): boolean;
}

/** Who is told what happens on a connection. */
export interface Endpoint {
  opened(socket: EngineWebSocket): void;
  received(data: ArrayBuffer, isBinary: boolean): void;
  drained(): void;
  closed(code: number, reason: string): void;
}

/** An answer that is due; it must not be touched once it is complete or aborted. */
export interface EngineResponse {
  cork(write: () => void): void;
  writeStatus(status: string | Uint8Array): void;
  writeHeader(name: string, value: string | Uint8Array): void;
  /** One more chunk; false when the peer reads too slowly. */
  write(chunk: Uint8Array): boolean;
  end(body: Uint8Array | string, closeConnection: boolean): void;
  endWithoutBody(): void;
  /** More of a body of known length: whether all of it was taken, and whether that was the last of it. */
  tryEnd(chunk: Uint8Array, length: number): [taken: boolean, complete: boolean];
  getWriteOffset(): number;
  onWritable(listener: (offset: number) => boolean): void;
  onAborted(listener: () => void): void;
  onData(listener: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  pause(): void;
  resume(): void;
  close(): void;
  getRemoteAddress(): ArrayBuffer;
  upgrade(data: { endpoint: Endpoint }, key: string, protocol: string, extensions: string, context: object): void;
}

/** A request; it is gone when its handler returns. */
export interface EngineRequest {
  getMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEach(each: (name: string, value: string) => void): void;
  setYield(pass: boolean): void;
}

/** It is not published on npm: this is where its authors say it is to be had. */
export function loadEngine(): UWS {
  return loadFramework<UWS>(require, 'uWebSockets.js', '^20.30.0-0', 'uNetworking/uWebSockets.js#v20.30.0');
}
