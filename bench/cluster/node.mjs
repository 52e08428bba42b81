// One node under measure, in a process of its own.
import { once } from 'node:events';
import http from 'node:http';
import { message } from '../lib/message.mjs';
import { answer } from '../lib/rpc.mjs';

const [peer, redisUrl] = process.argv.slice(2);
const { serve } = await import(`./${peer}.mjs`);

let node;

answer({
  async serve() {
    const server = http.createServer();
    node = await serve(server, redisUrl);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server.address().port;
  },

  /** Writes so many messages to the room, in one turn. Returns the time of the first one, in ns. */
  write(count) {
    const started = Number(process.hrtime.bigint());
    for (let number = 0; number < count; number++) node.write(message);
    return started;
  },

  cpu: () => process.cpuUsage(),
});
