import { firstValueFrom } from 'rxjs';
import type { Backplane } from '../../src/cluster/bus.js';
import { type Cluster, type ClusterOptions, clustered, memory } from '../../src/cluster.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { event, serve, until } from '../support/serve.js';

/** The options of `startNodes`. */
export interface NodesOptions {
  readonly backplane?: Backplane;
  readonly options?: ClusterOptions;
  readonly server?: ServerOptions;
}

/** Starts the nodes of a cluster in one process, each with its server. */
export async function startNodes(count: number, { backplane = memory(), options = {}, server = {} }: NodesOptions = {}) {
  const nodes: Awaited<ReturnType<typeof startNode>>[] = [];
  for (let number = 1; number <= count; number++) nodes.push(await startNode(`n${number}`, backplane, options, server));
  await until(() => nodes.every(({ cluster }) => cluster.nodes.length === count));
  return nodes as [(typeof nodes)[0], ...typeof nodes];
}

/** Starts one node, which has a name, and clients that connect to it. */
export async function startNode(node: string, backplane: Backplane, options: ClusterOptions = {}, server: ServerOptions = {}) {
  const served = await serve({ transformer: 'memory', pingInterval: false, ...server });
  const cluster: Cluster = clustered(served.primus, backplane, { node, ...options });
  const connect = async () => {
    const announced = firstValueFrom(served.primus.connection$) as Promise<Spark>;
    const client = served.connect();
    const received: unknown[] = [];
    client.on('data', (data) => received.push(data));
    const [spark] = await Promise.all([announced, event(client, 'open')]);
    return { client, spark, received };
  };
  return { ...served, cluster, connect };
}
