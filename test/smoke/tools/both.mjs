// Both forms of every entry in one process: nothing is there twice.
import assert from 'node:assert';
import { createRequire } from 'node:module';
import Primus, * as primus from 'primus-rx';
import Client, * as client from 'primus-rx/client';
import * as operators from 'primus-rx/operators';
import * as msgpack from 'primus-rx/parsers/msgpack';
import * as websockets from 'primus-rx/transformers/websockets';
import { Observable } from 'rxjs';

const require = createRequire(import.meta.url);

const entries = { 'primus-rx': primus, 'primus-rx/client': client, 'primus-rx/operators': operators, 'primus-rx/parsers/msgpack': msgpack };
for (const [name, exported] of Object.entries({ ...entries, 'primus-rx/transformers/websockets': websockets })) {
  for (const [member, value] of Object.entries(exported)) assert.strictEqual(require(name)[member], value, `${member} of ${name}`);
}
assert.strictEqual(require('primus-rx'), Primus);
assert.strictEqual(require('primus-rx/client'), Client);
assert.strictEqual(client.PrimusError, primus.PrimusError);
assert.strictEqual(require('rxjs').Observable, Observable);
const server = new Primus(require('node:http').createServer());
assert(server.connection$ instanceof Observable);
server.destroy();
console.log('once');
