// A shop: Express answers HTTP and hands out tokens; Primus, on the same server, takes orders and writes what is left to all clients.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Primus from 'primus-rx';
import { withContract } from 'primus-rx/contract';
import { RequestError, requests } from 'primus-rx/request';
import { concatMap, delay, from, of } from 'rxjs';
import { shop, steps } from './contract.js';
import { issue, userOf } from './tokens.js';

/** The `data` of a spark: what authorization has found. */
interface Customer {
  name: string;
}

interface Order {
  id: number;
  by: string;
  item: string;
  count: number;
}

/** How long a token is valid, and a step of an order takes, in ms. */
const LIFETIME = 60_000;
const STEP = 20;

const passwords = new Map([['ada', 'lovelace']]);
const stock = new Map([
  ['tea', 10],
  ['cake', 3],
]);
const orders: Order[] = [];

const app = express();
const server = createServer(app);
const primus = withContract(new Primus<unknown, unknown, Customer>(server), shop);

app.use(express.json());

app.post('/login', ({ body }, response) => {
  const { name, password } = body ?? {};
  if (typeof name !== 'string' || passwords.get(name) !== password) response.status(401).json({ error: 'wrong name or password' });
  else response.json({ token: issue(name, LIFETIME) });
});

app.get('/orders', (_request, response) => {
  response.json(orders);
});

primus.authorize((request, done) => {
  const token = new URL(request.url ?? '', 'http://shop').searchParams.get('token') ?? '';
  const name = userOf(token);
  if (name === undefined) done({ statusCode: 401, authenticate: 'Bearer', message: 'Please log in' });
  else done(null, { name });
});

const { handle } = requests(primus, { contract: shop });

handle('order', ({ item, count }, { spark }) => {
  const left = (stock.get(item) ?? 0) - count;
  if (left < 0) throw new RequestError('sold out', `There are not ${count} of ${item}`);
  stock.set(item, left);
  const order = { id: orders.length + 1, by: spark.data.name, item, count };
  orders.push(order);
  primus.write({ type: 'stock', item, left });
  return { id: order.id, left };
});

handle('follow', ({ id }) => {
  if (!orders.some((order) => order.id === id)) throw new RequestError('not found', `There is no order ${id}`);
  return from(steps).pipe(concatMap((step) => of(step).pipe(delay(STEP))));
});

server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`Open http://localhost:${(server.address() as AddressInfo).port}`);
});

process.once('SIGTERM', () => void primus.destroy({ close: true, timeout: 1_000 }));
