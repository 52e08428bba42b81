/**
 * A plugin, which extends the server, its clients, or both. In a served library, and in `primus.Socket`, the client function runs from its
 * source: it can use `Primus`, and no other variable around it.
 *
 * @example
 * import type { Plugin } from 'primus-rx';
 *
 * const greeter: Plugin = {
 *   server(primus) {
 *     primus.on('connection', (spark: { write(data: string): void }) => spark.write('hello'));
 *   },
 *   client(client) {
 *     client.on('open', () => console.log('connected'));
 *   },
 * };
 * const primus = new Primus(server, { plugin: { greeter } });
 */
export interface Plugin {
  /** Extends the server. Called when the plugin is added, with the server as `this`. */
  // biome-ignore lint/suspicious/noExplicitAny: plugins add what they like to what they are handed.
  server?(this: any, primus: any, options: any): unknown;
  /** Extends a client. Called for each client at the end of its `initialise`, with the client as `this`. */
  // biome-ignore lint/suspicious/noExplicitAny: plugins add what they like to what they are handed.
  client?(this: any, primus: any, options: any): unknown;
  /** The JavaScript that clients run once, with `Primus` in scope: its source, or the absolute path of its file. */
  library?: string;
}

/** Plugins by name. */
export interface Plugins {
  readonly [name: string]: Plugin;
}

/** The client functions of plugins, by name. */
export interface ClientFunctions {
  // biome-ignore lint/suspicious/noExplicitAny: plugins add what they like to what they are handed.
  [name: string]: (this: any, primus: any, options: any) => unknown;
}

/** Plugins, or the packages that have them, by name. `false` and `null` are none. */
export interface PluginPackages {
  readonly [name: string]: Plugin | string | false | null | undefined;
}
