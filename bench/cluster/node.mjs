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

  /** Writes so many messages to the room at random times, as many people who do not know of each other. Resolves behind the last one. */
  play: (count, perSecond) =>
    new Promise((resolve) => {
      // From the beginning on, so that a node that is late catches up.
      let due = performance.now();
      const next = () => {
        for (; count > 0 && due <= performance.now(); count--) {
          node.write(message);
          due += (-Math.log(1 - Math.random()) / perSecond) * 1_000;
        }
        if (count === 0) resolve();
        else setTimeout(next, due - performance.now());
      };
      next();
    }),

  cpu: () => process.cpuUsage(),
});
