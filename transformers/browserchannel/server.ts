import { unwatchFile } from 'node:fs';
import { createRequire } from 'node:module';
import { Observable } from 'rxjs';
import { loadFramework } from '../../src/core/load-framework.js';
import type { NodeTransformer } from '../../src/server/http/host.js';
import { reject } from '../../src/server/http/reject.js';
import { Endpoint } from './server/endpoint.js';
import type { Framework } from './server/framework.js';

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const browserChannel = loadFramework<Framework>(require, 'browserchannel/dist/server.js', '^2.1.0');
    // The file it serves is looked at every five seconds, as long as the process lives.
    unwatchFile(require.resolve('browserchannel/dist/bcsocket.js'));
    return new Observable((subscriber) => {
      const endpoint = new Endpoint(host, browserChannel, subscriber, (arrival) =>
        subscriber.closed ? arrival.link.destroy() : subscriber.next(arrival),
      );
      host.continues = (exchange) => endpoint.continues(exchange.request);
      subscriber.add(host.request$.subscribe((exchange) => endpoint.request(exchange)));
      subscriber.add(host.upgrade$.subscribe(({ socket }) => reject(socket, 404, 'No WebSocket here')));
      return () => endpoint.stop();
    });
  },
};
