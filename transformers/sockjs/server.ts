import { createRequire } from 'node:module';
import { Observable } from 'rxjs';
import { loadFramework } from '../../src/core/load-framework.js';
import type { NodeTransformer } from '../../src/server/http/host.js';
import { Endpoint } from './server/endpoint.js';
import type { SockJS } from './server/framework.js';

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const sockjs = loadFramework<SockJS>(require, 'sockjs', '^0.3.20');
    return new Observable((subscriber) => {
      const endpoint = new Endpoint(host, sockjs, (arrival) => (subscriber.closed ? arrival.link.destroy() : subscriber.next(arrival)));
      host.continues = (exchange) => endpoint.continues(exchange.request);
      subscriber.add(host.request$.subscribe((exchange) => endpoint.request(exchange)));
      subscriber.add(host.upgrade$.subscribe((exchange) => endpoint.upgrade(exchange)));
    });
  },
};
