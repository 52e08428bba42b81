// In a worker of a cluster, makes a server of the built package with the options in the first argument, and destroys it.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import process from 'node:process';

if (cluster.isPrimary) cluster.fork();
else {
  const { default: Primus } = await import('primus-rx');
  new Primus(createServer(), JSON.parse(process.argv[2])).destroy(() => process.exit());
}
