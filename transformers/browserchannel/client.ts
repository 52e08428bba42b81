import type { Platform } from '../../client/platform/platform.js';
import { lazy } from '../../src/core/load-framework.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { dialOverHttp } from '../shared/client/http-dial.js';
import { Address } from './client/address.js';
import type { BCSocket, BCSocketConstructor } from './client/framework.js';
import { BrowserChannelLink } from './client/link.js';
import type { BrowserChannelClientTransport } from './options.js';

/** An image that loads without a network. */
const IMAGE = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC';

/** Creates the client: one response that stays open, and requests beside it. The framework is loaded once, when it is first needed. */
export function client(framework: () => BCSocketConstructor): ClientTransformer<Platform> {
  const load = lazy(framework);
  return {
    protocol: 'http',
    load,
    connect: (target) =>
      dialOverHttp(target, 'BrowserChannel', '/test?VER=8&MODE=init', () => {
        const settings = { crossDomainXhr: true, ...(target.transport as BrowserChannelClientTransport), ...ALONE };
        const socket = new (load())(new Address(target.url), settings);
        disableNetworkTest(socket);
        return new BrowserChannelLink(socket, target);
      }),
  };
}

/** Leaves reconnecting to us, and drops a parameter of the framework that would replace one of the user's. */
const ALONE = { reconnect: false, prev: undefined, affinity: null };

/**
 * Keeps the framework from testing the network: when a request fails, it loads an image from a server of Google. A handler
 * could name another image, but is private: it is found by that method, the only name that the framework's build has kept.
 */
function disableNetworkTest(socket: BCSocket): void {
  for (const session of Object.values(socket)) {
    for (const handler of Object.values((session ?? {}) as object)) {
      if (typeof handler?.getNetworkTestImageUri === 'function') handler.getNetworkTestImageUri = () => IMAGE;
    }
  }
}
