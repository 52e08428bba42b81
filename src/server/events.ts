import { type ListenerNext, reserve } from '../core/events.js';
import type { Parser } from '../core/parser.js';
import type { Plugin } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { ServerOptions } from './options.js';
import type { DestroyOptions } from './shutdown.js';
import type { Spark } from './spark.js';

/** The events of a server, with their arguments. Extend it by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface PrimusEvents<In = any, Out = any> {
  /** A client has connected. A listener with a second parameter is asynchronous: `next()` accepts the connection, `next(error)` refuses it. */
  connection: [spark: Spark<In, Out>, next: ListenerNext];
  /** A connection that all `connection` listeners had accepted has ended. */
  disconnection: [spark: Spark<In, Out>];
  /** The server is ready to serve. */
  initialised: [transformer: Transformer, parser: Parser, options: ServerOptions];
  /** The server is being destroyed, and its connections have ended. A listener with a second parameter is asynchronous. */
  close: [options: DestroyOptions, next: ListenerNext];
  /** A plugin is being added. Its server function runs next. */
  plugin: [name: string, plugin: Plugin];
  /** A plugin is being removed. It is no longer in `ark` afterwards. */
  plugout: [name: string, plugin: Plugin];
  /** The server reports what it reports to no connection: lost messages, warnings, and errors of its own. */
  log: [level: string, ...values: unknown[]];
}

/** The events of a server whose authorization finds `Data`. */
export type ServerEvents<In, Out, Data> = Omit<PrimusEvents<In, Out>, 'connection' | 'disconnection'> & {
  connection: [spark: Spark<In, Out, Data>, next: ListenerNext];
  disconnection: [spark: Spark<In, Out, Data>];
};

/** An entry of a server's log. */
export interface LogEntry {
  /** The level: `error`, `warning` or `lost`. */
  level: string;
  /** The strings and errors of the entry. */
  values: unknown[];
}

export const reserved = reserve('disconnection', 'initialised', 'connection', 'plugout', 'plugin', 'close', 'log');
