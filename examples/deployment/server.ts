// One of the servers behind nginx.conf or haproxy.cfg. It trusts the proxy's headers for the address of a client, and shuts down
// gracefully: its clients reconnect to another server.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Primus from 'primus-rx';

const { PORT = '8081', TRANSFORMER = 'websockets', DRAIN = '20000' } = process.env;

const server = createServer();
const primus = new Primus(server, {
  transformer: TRANSFORMER,
  // The proxy is on this machine. One on another machine is named by its address or network.
  trustProxy: 'loopback',
});

primus.on('connection', (spark) => {
  spark.write({ server: process.pid, ...spark.address });
  spark.on('data', (data) => spark.write(data));
});

// New clients are rejected from now on and go to another server; those that are connected have `DRAIN` ms to finish.
process.once('SIGTERM', () => {
  primus.destroy({ timeout: Number(DRAIN), reconnect: true }, () => process.exit());
});

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on ${(server.address() as AddressInfo).port}`);
});
