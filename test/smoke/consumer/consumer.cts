// Compiled, not run: what a TypeScript application in CommonJS sees.
import http = require('node:http');
import Primus = require('primus-rx');
import client = require('primus-rx/client');
import operators = require('primus-rx/operators');

const primus = new Primus(http.createServer(), { transformer: 'websockets' });
primus.on('connection', (spark) => spark.write('hello'));
primus.connection$.subscribe((spark) => spark.end());

const socket = new client.Primus('http://localhost', { manual: true });
socket.open();

export = [operators.backoff, Primus.createServer, primus];
