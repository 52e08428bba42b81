import { event, type Served } from '../support/serve.js';
import type { Any } from './published.js';

/** Connects clients one after the other. Each has its `spark`, and in `got` the messages that it received. */
export async function withClients(served: Pick<Served, 'primus'> & { connect(): unknown }, count: number): Promise<Any[]> {
  const clients: Any[] = [];
  for (let index = 0; index < count; index++) {
    const connection = event(served.primus, 'connection');
    const client = served.connect() as Any;
    const opened = event(client, 'open');
    const [spark] = await connection;
    await opened;
    clients.push(Object.assign(client, { spark, got: [] }));
    client.on('data', (data: unknown) => client.got.push(data));
  }
  return clients;
}

/** Calls a function that takes an error-first callback. */
export function answer<T = unknown>(call: (done: (error: unknown, value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
}
