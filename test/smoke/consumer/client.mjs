// The client as a module: events, and the streams beside them.
import { strictEqual } from 'node:assert';
import Primus, { PrimusError } from 'primus-rx/client';
import { backoff } from 'primus-rx/operators';
import { msgpack } from 'primus-rx/parsers/msgpack';
import { websockets } from 'primus-rx/transformers/websockets';
import { firstValueFrom } from 'rxjs';

strictEqual(typeof backoff, 'function');
strictEqual(websockets.name, 'websockets');
strictEqual(msgpack.decode(msgpack.encode('text')), 'text');
strictEqual(new PrimusError('ERR_PRIMUS_OPTION', 'text').code, 'ERR_PRIMUS_OPTION');

const client = new Primus(process.argv[2]);
client.write('from a module');
console.log(JSON.stringify(await firstValueFrom(client.data$)));
client.end();
