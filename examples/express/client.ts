// A customer: logs in, orders, and follows the order. `node client.js http://localhost:8080 ada lovelace tea 2`
import { Primus, type PrimusError } from 'primus-rx/client';
import { withContract } from 'primus-rx/contract';
import { interactive, reconnect, values } from 'primus-rx/operators';
import { requests } from 'primus-rx/request';
import { defer, firstValueFrom } from 'rxjs';
import { shop } from './contract.js';

const [url = 'http://localhost:8080', name = 'ada', password = 'lovelace', item = 'tea', count = '1'] = process.argv.slice(2);

/** Logs in, and tries again as the client does while the server cannot be reached. */
function login(): Promise<string> {
  const token$ = defer(async () => {
    const answer = await fetch(`${url}/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name, password }),
    });
    return (await answer.json()).token as string;
  });
  return firstValueFrom(token$.pipe(reconnect(interactive()), values()));
}

// A new token at each connection: they expire.
const client = withContract(new Primus(url, { credentials: async () => ({ token: await login() }) }), shop);
const { call, request } = requests(client, { contract: shop });

client.on('error', ({ message }) => console.log('error:', message));
client.data$.subscribe((message) => console.log(`left of ${message.item}: ${message.left}`));

try {
  const { id } = await call('order', { item, count: Number(count) }, { timeout: '5 s' });
  console.log(`order ${id}`);
  for await (const step of request('follow', { id })) console.log(step);
} catch (error) {
  const { code, message } = error as PrimusError;
  console.log(`${code}: ${message}`);
  process.exitCode = 1;
}
client.destroy();
