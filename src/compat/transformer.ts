import { EventEmitter } from 'node:events';
import { Observable } from 'rxjs';
import type { Platform } from '../../client/platform/platform.js';
import { describe, PrimusError } from '../core/errors.js';
import { type EmitsArguments, emits } from '../core/events.js';
import type { Plugin } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { Host, HttpServer } from '../server/http/host.js';
import { reject, requireUpgrade } from '../server/http/reject.js';
import type { Server } from '../server/primus.js';
import { eventTransformer } from './inject.js';

/** The parts of a third-party transformer. */
export interface TransformerParts {
  /** Runs once for each server. `this` is an emitter of `request`, `upgrade` and `close`, with `primus`, `Spark` and `service`. */
  server(this: ForeignTransformer, transformer: ForeignTransformer): void;
  /** Runs once for each client, from its source alone. `this` is the client. */
  client: Plugin['client'];
  /** The JavaScript source that the client needs. @defaultValue none */
  library?: string;
}

type Logger = Readonly<Record<'error' | 'warn' | 'info' | 'debug' | 'log' | 'plain', (...values: unknown[]) => void>>;

/** A third-party transformer of one server. */
export class ForeignTransformer extends EventEmitter {
  readonly primus: Server;
  readonly Spark: Server['Spark'];
  readonly server: HttpServer;
  /** For the framework's own server. */
  service: unknown = null;
  /** Functions that emit `log` on the server: `logger.error(…)`, and the same for `warn`, `info`, `debug`, `log` and `plain`. */
  readonly logger: Logger;

  constructor(primus: Server) {
    super();
    this.primus = primus;
    this.Spark = primus.Spark;
    this.server = primus.server;
    const log = (level: string) => primus.host.log.bind(primus.host, level);
    this.logger = { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug'), log: log('log'), plain: log('log') };
  }

  /** Returns a function that emits `event` when it is called, as `emits` of a spark does. */
  emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean {
    return emits(this, event, ...bound);
  }
}

/**
 * Creates a transformer in the form of Primus 8, which uses events instead of links.
 *
 * @throws ERR_PRIMUS_TRANSFORMER when `server` or `client` is not a function
 */
export function extend({ server, client, library }: TransformerParts): Transformer<Host, Platform> {
  if (typeof server !== 'function' || typeof client !== 'function') {
    const given = `${describe(server)} and ${describe(client)}`;
    throw new PrimusError('ERR_PRIMUS_TRANSFORMER', `Transformer.extend: \`server\` and \`client\` must be functions, got ${given}`);
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
            if (!transformer.emit('request', request, response)) requireUpgrade(response);
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
