import type { Platform } from '../../client/platform/platform.js';
import { lazy } from '../../src/core/load-framework.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { dialOverHttp } from '../shared/client/http-dial.js';
import { Address } from './client/address.js';
import type { BCSocket, BCSocketConstructor } from './client/framework.js';
import { BrowserChannelLink } from './client/link.js';
import type { BrowserChannelClientTransport } from './options.js';

/** An image that is there without a network. */
const IMAGE = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC';

/** An answer that never ends, and requests beside it. The framework is loaded once, when it is first needed. */
export function client(framework: () => BCSocketConstructor): ClientTransformer<Platform> {
  const load = lazy(framework);
  return {
    protocol: 'http',
    load,
    connect: (target) =>
      dialOverHttp(target, 'BrowserChannel', '/test?VER=8&MODE=init', () => {
        const settings = { crossDomainXhr: true, ...(target.transport as BrowserChannelClientTransport), ...ALONE };
        const socket = new (load())(new Address(target.url), settings);
        askNobody(socket);
        return new BrowserChannelLink(socket, target);
      }),
  };
}

/** Its own reconnection is off, ours is on; and the parameter that ties requests together would take the place of one of the user's. */
const ALONE = { reconnect: false, prev: undefined, affinity: null };

/**
 * When a request fails the framework asks a server of Google's for an image, to learn whether there is a network. Its handler
 * could name another, if it were to be had: it is found by the name of that method, as the build leaves no other.
 */
function askNobody(socket: BCSocket): void {
  for (const session of Object.values(socket)) {
    for (const handler of Object.values((session ?? {}) as object)) {
      if (typeof handler?.getNetworkTestImageUri === 'function') handler.getNetworkTestImageUri = () => IMAGE;
    }
  }
}
