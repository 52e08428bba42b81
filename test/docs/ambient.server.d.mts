// What a fragment may take for granted. A block that declares one of these itself has its own.
import type { Server } from 'node:http';
import type { Primus as Served, Spark as ServerSpark } from 'primus-rx';
import type { Primus as PrimusClient } from 'primus-rx/client';
import type { Cluster } from 'primus-rx/cluster';

declare global {
  /** The class of servers, the default export of `primus-rx`. */
  const Primus: typeof Served;
  const primus: Served;
  const spark: ServerSpark;
  const client: PrimusClient;
  const cluster: Cluster;
  /** An HTTP server that does not listen yet. */
  const server: Server;
  /** The address of a server. */
  const url: string;
}
