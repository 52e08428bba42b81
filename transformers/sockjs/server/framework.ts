import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Blocks } from '../../shared/server/blocks.js';
import type { FayeInternals } from '../../shared/server/faye-input.js';

/** The part of sockjs that is used. */
export interface SockJS {
  createServer(options: object): EventEmitter & { listener(options?: object): { getHandler(): Handler } };
}

/** Serves a request; returns `false` when it is none of the framework's. */
export type Handler = (request: IncomingMessage, response: ServerResponse | Duplex, head?: Buffer) => boolean;

/** The framework's connection. It has a session, and that has a receiver at a time: a socket or a response. */
export interface SockJSConnection extends EventEmitter {
  /** Created by the framework for each connection. The id of the session is another one, which the client chose. */
  readonly id: string;
  url: string;
  readonly readyState: number;
  readonly _session: SockJSSession;
  write(message: string): boolean;
  close(code?: number, reason?: string): boolean;
}

export interface SockJSSession {
  readonly session_id?: string;
  /** Replaced by an empty one when it is sent. */
  readonly send_buffer?: string[];
  readonly recv?: Receiver | null;
  /** Of a connection without SockJS's own framing, which has no receiver. */
  readonly ws?: WebSocket | null;
}

/** A WebSocket, or the response to a poll. */
export interface Receiver {
  readonly ws?: WebSocket;
  readonly response?: ServerResponse | null;
  /** Takes a frame of a WebSocket. */
  didMessage?(payload: string | Buffer | Blocks): void;
  didClose(code?: number, reason?: string): void;
}

export interface WebSocket extends EventEmitter, FayeInternals {
  send(data: Buffer): void;
}

export const OPEN = 1;
