import { Observable } from 'rxjs';
import type { Platform } from '../../client/platform/platform.js';
import { LinkError } from '../../src/core/errors.js';
import type { Link } from '../../src/core/link.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { sharedNetwork } from './network.js';
import type { MemoryTransport } from './options.js';

/** Connects within the process. */
export const client: ClientTransformer<Platform> = {
  connect({ url, headers, maxLength, transport, client, dialled }) {
    return new Observable<Link>((subscriber) => {
      const { network = sharedNetwork } = transport as MemoryTransport;
      dialled(network);
      return network.dial({
        url,
        headers,
        maxLength,
        client,
        accepted: (link) => (subscriber.closed ? link.destroy() : subscriber.next(link)),
        rejected: (details) => {
          const { status, reason } = details;
          const code = status === undefined ? 'ERR_PRIMUS_CONNECT' : 'ERR_PRIMUS_UNEXPECTED_RESPONSE';
          subscriber.error(new LinkError(code, `The connection was rejected${reason ? `: ${reason}` : ''}`, details));
        },
      });
    });
  },
};
