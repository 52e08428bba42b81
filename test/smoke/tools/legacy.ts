// A program that was written for `@types/primus`, with another name of the package.
import { once } from 'node:events';
import * as http from 'node:http';
import Primus from 'primus-rx';

const server = http.createServer();
const primus: Primus = new Primus(server, {
  transformer: 'websockets',
  parser: 'JSON',
  pingInterval: 3000,
  origins: '*',
  maxAge: '30 days',
});

primus.authorize((req, done) => {
  if (!req.headers.authorization) return done({ statusCode: 403, message: 'no' });
  done();
});

primus.on('connection', (spark: Primus.Spark) => {
  const { ip, secure, port }: { ip: string; secure: boolean; port: number } = spark.address;
  const token: string | string[] | undefined = spark.query.token;
  const request: http.IncomingMessage = spark.request;
  const emits: (...args: any[]) => boolean = spark.emits('event', (next: any, a: any) => next(null, a));
  spark.on('data', (message: any) => spark.write({ echo: message, ip, secure, port, token, url: request.url }));
  spark.on('end', () => emits(spark.id, spark.headers.cookie));
  spark.end('bye', { reconnect: true });
});
primus.on('disconnection', (spark) => console.log(spark.id));
primus.on('plugin', (name: string, energon: unknown) => console.log(name, energon));
primus.once('close', () => {});
primus.setMaxListeners(30);
once(primus, 'connection').then(([spark]) => spark);

primus.forEach(() => true);
primus.forEach(
  (spark, next) => next(null, spark.id !== ''),
  (err) => console.log(err),
);
const connections: { [id: string]: Primus.Spark } = primus.connections;
const found: Primus.Spark | undefined = primus.spark('id');
console.log(connections, found, primus.connected.toFixed(), primus.library().length, primus.reserved('open') === true);

primus.write({ a: 1 });
primus.transform('incoming', (packet) => {
  packet.data = 1;
});
primus.plugin();
primus.plugin('name');
primus.plugin('name', {
  server(primus: any, options: any) {
    console.log(primus, options);
  },
  client() {},
});
primus.plugin('name', 'primus-emit');
primus.plugout('name');
primus.use('name', () => (_req: http.IncomingMessage, _res: http.ServerResponse) => {}, {}, 1);
primus.use('mine', (_req: http.IncomingMessage, _res: http.ServerResponse, next: () => void) => next());
primus.remove('name').enable('name').disable('name');
primus.destroy({ reconnect: true, timeout: 100 }, () => {});
primus.end({ close: true });

const Socket = Primus.createSocket({ transformer: 'websockets', parser: 'json', plugin: {} });
const backoff: Primus.ReconnectOpts = { max: 10_000, min: 500, retries: 2, factor: 2, 'reconnect timeout': 5000 };
const options: Primus.SocketOptions = { reconnect: backoff, strategy: ['disconnect'], timeout: 10, queueSize: 4, manual: true };
const client: Primus.Socket = new Socket('http://localhost', options);
const other: Primus.Socket = new primus.Socket('http://localhost');
client.on('open', () => {});
client.on('data', (message: any) => console.log(message));
client.on('error', (err: Error) => console.log(err.message));
client.on('reconnect scheduled', (opts: Primus.ReconnectEventOpts) => {
  console.log(opts.scheduled + opts.attempt + opts.start + opts.duration + opts.min);
});
client.on('reconnect failed', (err: Error, opts: Primus.ReconnectEventOpts) => console.log(err.message, opts.retries));
client.on('reconnect timeout', (err, opts) => console.log(err.message, opts.attempt));
client.id((id: string) => console.log(id));
client.write('x');
client.end('y');
client.open();
client.destroy();

const created: Primus = Primus.createServer((spark) => spark.write(1), { port: 80, iknowhttpsisbetter: true });

export class App {
  private readonly primus: Primus;

  constructor(primus: Primus) {
    this.primus = primus;
  }

  broadcast(message: unknown): void {
    this.primus.write(message);
  }

  sparks(): Primus.Spark[] {
    return Object.values(this.primus.connections);
  }
}

export const apps = [new App(created), other];
