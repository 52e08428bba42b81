// Compiled, not run: what a TypeScript application in ES modules sees.
import { createServer } from 'node:http';
import Primus, { type ClientOptions, PrimusError, type ServerOptions, Spark } from 'primus-rx';
import Client, { configure, Primus as NamedClient } from 'primus-rx/client';
import { backoff, reconnect } from 'primus-rx/operators';
import { ejson } from 'primus-rx/parsers/ejson';
import { websockets } from 'primus-rx/transformers/websockets';
import type { Observable, Subscription } from 'rxjs';

interface Question {
  ask: string;
}
interface Answer {
  length: number;
}

const options: ServerOptions = { transformer: 'websockets', pingInterval: '20 seconds' };
const primus = new Primus<Question, Answer>(createServer(), options);
primus.on('connection', (spark) => {
  const same: Spark<Question, Answer> = spark;
  same.on('data', ({ ask }) => spark.write({ length: ask.length }));
  // @ts-expect-error a question is no answer
  spark.write({ ask: 'back' });
});
const everyone: Observable<Spark<Question, Answer>> = primus.connection$;
const subscription: Subscription = everyone.subscribe();
subscription.unsubscribe();

const clientOptions: ClientOptions = { strategy: false };
const client = new primus.Socket('http://localhost', clientOptions);
client.write({ ask: 'why' });
client.on('data', (answer) => answer.length.toFixed());

new Client('http://localhost').end();
new (configure({ ...Client.parts, parser: ejson }))('http://localhost').end();
new NamedClient('http://localhost').data$.subscribe();

export const parts = [backoff, reconnect, websockets.name, PrimusError, Primus.createSocket, Spark];
