/**
 * A plugin: what it adds to the server, and what it adds to the clients. In a served library, and in `primus.Socket`, its
 * client function lives on its source alone, with `Primus` in scope.
 */
export interface Plugin {
  /** Called at once, with the server as `this`. */
  // biome-ignore lint/suspicious/noExplicitAny: plugins add what they like to what they are handed.
  server?(this: any, primus: any, options: any): unknown;
  /** Called for each client at the end of its `initialise`, with the client as `this`. */
  // biome-ignore lint/suspicious/noExplicitAny: plugins add what they like to what they are handed.
  client?(this: any, primus: any, options: any): unknown;
  /** JavaScript that clients run once, with `Primus` in scope: as source, or the absolute path of a file. */
  library?: string;
}

/** Plugins by their names. */
export interface Plugins {
  readonly [name: string]: Plugin;
}
