import { type ListenerNext, reserve } from '../core/events.js';
import type { Parser } from '../core/parser.js';
import type { Plugin } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { ServerOptions } from './options.js';
import type { DestroyOptions } from './shutdown.js';
import type { Spark } from './spark.js';

/** The events of a server; extend by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface PrimusEvents<In = any, Out = any> {
  /** A new connection. A listener with a second parameter is awaited: an error passed to it refuses the connection. */
  connection: [spark: Spark<In, Out>, next: ListenerNext];
  /** A connection that was announced is over. */
  disconnection: [spark: Spark<In, Out>];
  /** The server is ready to serve. */
  initialised: [transformer: Transformer, parser: Parser, options: ServerOptions];
  /** The server was destroyed. A listener with a second parameter is awaited. */
  close: [options: DestroyOptions, next: ListenerNext];
  /** A plugin was added. */
  plugin: [name: string, plugin: Plugin];
  /** A plugin was removed. */
  plugout: [name: string, plugin: Plugin];
  /** What nobody else could be told. */
  log: [level: string, ...values: unknown[]];
}

/** One line of a server's log: its level and what was said. */
export interface LogEntry {
  /** `error`, `warning` or `lost`. */
  level: string;
  /** Texts and errors. */
  values: unknown[];
}

export const reserved = reserve('disconnection', 'initialised', 'connection', 'plugout', 'plugin', 'close', 'log');
