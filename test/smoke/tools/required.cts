// Compiled, not run: the same with `require`.
import http = require('node:http');
import Primus = require('primus-rx');
import Client = require('primus-rx/client');
import operators = require('primus-rx/operators');

import { msgpack } from 'primus-rx/parsers/msgpack';
import { websockets } from 'primus-rx/transformers/websockets';

const { PrimusError } = Primus;
const { configure } = Client;

const options: Primus.ServerOptions = { transformer: websockets, parser: msgpack };
const primus = new Primus<{ ask: string }, { answer: number }>(http.createServer(), options);
primus.on('connection', (spark) => {
  const same: Primus.Spark<{ ask: string }, { answer: number }> = spark;
  same.on('data', ({ ask }) => same.write({ answer: ask.length }));
  // @ts-expect-error a question is no answer
  same.write({ ask: 'back' });
});

const clientOptions: Client.ClientOptions = { strategy: false };
const client = new Client('http://localhost', clientOptions);
client.on('data', (data) => console.log(data)).on('error', (error: Error) => console.log(error instanceof PrimusError));
new (configure({ ...Client.parts, parser: msgpack }))('http://localhost').end();

export const parts: unknown[] = [operators.backoff, Primus.createSocket, Primus.Spark, primus.Socket];
