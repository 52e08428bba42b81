// Creates a server on uWebSockets.js, and prints `ok`, or why it is refused.
import { createServer } from 'node:http';
import { Primus } from 'primus-rx';

try {
  new Primus(createServer(), { transformer: 'uws' });
  console.log('ok');
} catch (error) {
  console.log(`${error.code} ${error.message}`);
}
process.exit(0);
