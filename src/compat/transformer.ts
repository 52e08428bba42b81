import { EventEmitter } from 'node:events';
import { Observable } from 'rxjs';
import type { Platform } from '../../client/platform/platform.js';
import { describe, PrimusError } from '../core/errors.js';
import type { Plugin } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { Host, HttpServer } from '../server/http/host.js';
import { reject } from '../server/http/reject.js';
import type { Server } from '../server/primus.js';
import { eventTransformer } from './inject.js';

/** What a third-party transformer is made of. */
export interface TransformerParts {
  /** Runs once for each server. `this` is an emitter of `request`, `upgrade` and `close`, with `primus`, `Spark` and `service`. */
  server(this: ForeignTransformer, transformer: ForeignTransformer): void;
  /** Runs once for each client, on its source alone: `this` is the client. */
  client: Plugin['client'];
  /** JavaScript that the client needs. */
  library?: string;
}

/** A third-party transformer at work on a server. */
export class ForeignTransformer extends EventEmitter {
  readonly primus: Server;
  readonly Spark: Server['Spark'];
  readonly server: HttpServer;
  /** For the framework's own server. */
  service: unknown = null;

  constructor(primus: Server) {
    super();
    this.primus = primus;
    this.Spark = primus.Spark;
    this.server = primus.server;
  }
}

/** Makes a transformer of the old shape: events instead of links. */
export function extend({ server, client, library }: TransformerParts): Transformer<Host, Platform> {
  if (typeof server !== 'function' || typeof client !== 'function') {
    const given = `${describe(server)} and ${describe(client)}`;
    throw new PrimusError('ERR_PRIMUS_TRANSFORMER', `Transformer.extend needs the functions server and client, not ${given}`);
  }
  const plugin: Plugin = library === undefined ? { client } : { client, library };
  return {
    name: 'custom',
    bundle: 'websockets',
    client: eventTransformer(Observable),
    plugin,
    server: {
      listen: ({ primus, request$, upgrade$ }) =>
        new Observable(() => {
          const transformer = new ForeignTransformer(primus as Server);
          server.call(transformer, transformer);
          const requests = request$.subscribe(({ request, response }) => {
            if (!transformer.emit('request', request, response)) reject(response, 426);
          });
          requests.add(
            upgrade$.subscribe(({ request, socket, head }) => {
              if (!transformer.emit('upgrade', request, socket, head)) reject(socket, 400);
            }),
          );
          requests.add(() => transformer.emit('close'));
          return requests;
        }),
    },
  };
}
