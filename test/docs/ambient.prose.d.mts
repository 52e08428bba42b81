// What inline code may take for granted: on a page of the client's, `primus` is a client.
import type { Primus as Served, Spark as ServerSpark } from 'primus-rx';
import type { Primus as PrimusClient } from 'primus-rx/client';
import type { Cluster as ServedCluster } from 'primus-rx/cluster';

/** The public members alone: classes have private ones, which no other type has. */
type Public<T> = { [Name in keyof T]: T[Name] };

declare global {
  const Primus: typeof Served & typeof PrimusClient;
  const primus: Public<Served> & Public<PrimusClient>;
  const spark: ServerSpark;
  const client: PrimusClient;
  const cluster: ServedCluster;
}
