import { unwatchFile } from 'node:fs';
import { createRequire } from 'node:module';
import { Observable } from 'rxjs';
import { framework } from '../../src/core/framework.js';
import type { NodeTransformer } from '../../src/server/host.js';
import { refuse } from '../../src/server/refuse.js';
import { Endpoint } from './server/endpoint.js';
import type { Framework } from './server/framework.js';

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const browserChannel = framework<Framework>(require, 'browserchannel/dist/server.js', '^2.1.0');
    // The file it serves is looked at every five seconds, as long as the process lives.
    unwatchFile(require.resolve('browserchannel/dist/bcsocket.js'));
    return new Observable((subscriber) => {
      const endpoint = new Endpoint(host, browserChannel, subscriber, (arrival) =>
        subscriber.closed ? arrival.link.destroy() : subscriber.next(arrival),
      );
      host.continues = (exchange) => endpoint.continues(exchange.request);
      subscriber.add(host.request$.subscribe((exchange) => endpoint.request(exchange)));
      subscriber.add(host.upgrade$.subscribe(({ socket }) => refuse(socket, 404, 'No WebSocket here')));
      return () => endpoint.stop();
    });
  },
};
