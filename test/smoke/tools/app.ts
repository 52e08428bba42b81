// Compiled, not run, once for each kind of module resolution.
import { createServer } from 'node:http';
import Primus, { PrimusError, type ServerOptions, type Spark } from 'primus-rx';
import Client, { type ClientOptions, configure } from 'primus-rx/client';
import { backoff } from 'primus-rx/operators';
import { msgpack } from 'primus-rx/parsers/msgpack';
import { websockets } from 'primus-rx/transformers/websockets';

const options: ServerOptions = { transformer: websockets, parser: msgpack };
const primus = new Primus<{ ask: string }, { answer: number }>(createServer(), options);
primus.on('connection', (spark) => {
  const same: Spark<{ ask: string }, { answer: number }> = spark;
  same.on('data', ({ ask }) => same.write({ answer: ask.length }));
  // @ts-expect-error a question is no answer
  same.write({ ask: 'back' });
});

const clientOptions: ClientOptions = { strategy: false };
const client = new Client('http://localhost', clientOptions);
client.on('data', (data) => console.log(data)).on('error', (error: Error) => console.log(error instanceof PrimusError));
new (configure({ ...Client.parts, parser: msgpack }))('http://localhost').end();

export const parts: unknown[] = [backoff, Primus.createSocket, Primus.Spark, primus.Socket];
