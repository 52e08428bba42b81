// Compiled, not run: a page without Node.js types and without any framework.
import { configure, Primus, platform, withCloseReasons } from 'primus-rx/client';
import { contract, withContract } from 'primus-rx/contract';
import { backoff } from 'primus-rx/operators';
import { binary } from 'primus-rx/parsers/binary';
import { json } from 'primus-rx/parsers/json';
import { jsonh } from 'primus-rx/parsers/jsonh';
import { msgpack } from 'primus-rx/parsers/msgpack';
import { requests } from 'primus-rx/request';

const Explained = configure({ ...Primus.parts, parser: msgpack, platform: withCloseReasons(platform) }, { pathname: '/live' });
export const client = new Explained('http://localhost', { reconnect: { min: '1 s' } });
client.on('error', (error) => console.log('status' in error && error.status));
export const imported: unknown[] = [backoff, binary, json, jsonh];
const agreement = contract({ toServer: { requests: { ping: {} } } });
export const answer: Promise<undefined> = requests(client, { contract: agreement }).call('ping');
withContract(client, agreement).data$.subscribe((data: unknown) => console.log(data));
