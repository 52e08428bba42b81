// Two workers of a cluster, whose servers of the built package share one port. The primary prints the port; a worker sends its clients its process id.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import process from 'node:process';

if (cluster.isPrimary) {
  cluster.fork().once('listening', () => cluster.fork().once('listening', ({ port }) => console.log(port)));
} else {
  const { default: Primus } = await import('primus-rx');
  const server = createServer();
  const primus = new Primus(server, { transformer: process.argv[2] });
  primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data, process.pid])));
  // All workers of a cluster get the same free port.
  server.listen(0, '127.0.0.1');
}
