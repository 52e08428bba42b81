// One of the servers behind nginx.conf or haproxy.cfg: it takes their word on where a client comes from, and when it has to go, its
// clients come back to another one.
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

// Those who come are refused from now on, and go to another server; those who are here have a while to finish what they are at.
process.once('SIGTERM', () => {
  primus.destroy({ timeout: Number(DRAIN), reconnect: true }, () => process.exit());
});

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on ${(server.address() as AddressInfo).port}`);
});
