// Counts votes, and shows them to every page.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Primus from 'primus-rx';
import { items, type Vote, type Votes } from './messages.js';

const server = createServer();
// The page comes from Vite, on another port.
const primus = new Primus<Vote, Votes>(server, { origins: process.env.ORIGIN ?? 'http://localhost:5173' });
const votes: Record<string, number> = Object.fromEntries(items.map((item) => [item, 0]));

primus.on('connection', (spark) => {
  spark.write(votes);
  spark.on('data', (message) => {
    const item = message?.vote;
    if (!items.includes(item)) return;
    votes[item] = (votes[item] ?? 0) + 1;
    primus.write(votes);
  });
});

server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`Open http://localhost:${(server.address() as AddressInfo).port}`);
});
