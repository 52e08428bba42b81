import { globalAgent } from 'node:http';
import { globalAgent as secureAgent } from 'node:https';
import { Observable } from 'rxjs';
import type { Platform } from '../../../client/platform/platform.js';
import type { ClientTransformer } from '../../../src/core/transformer.js';

/**
 * Makes each attempt use new connections, in Node.js. The framework begins with a request by the global agent. One that the agent has kept
 * alive may be lost without a close, as the connection before it: the request would wait for 8 s.
 */
export function onNewConnections(client: ClientTransformer<Platform>): ClientTransformer<Platform> {
  return {
    ...client,
    connect: (target) =>
      new Observable((subscriber) => {
        destroyIdle(new URL(target.url));
        return client.connect(target).subscribe(subscriber);
      }),
  };
}

/** Destroys the connections to the host of an address that the global agent has kept alive. No request is on them. */
function destroyIdle({ protocol, hostname, port }: URL): void {
  const secure = protocol === 'https:';
  const name = `${hostname.replace(/^\[|\]$/g, '')}:${port || (secure ? 443 : 80)}:`;
  const { freeSockets } = secure ? secureAgent : globalAgent;
  for (const [key, sockets] of Object.entries(freeSockets)) if (key.startsWith(name)) for (const socket of sockets ?? []) socket.destroy();
}
