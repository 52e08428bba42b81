import type { Configuration } from '../core/configuration.js';
import { milliseconds } from '../core/options.js';
import type { ParsedServerOptions } from './options.js';

/** What a client must know of its server. */
export interface Spec {
  /** The version of the package. */
  version: string;
  pathname: string;
  /** The name of the parser, or `custom`. */
  parser: string;
  /** The name of the transformer. */
  transformer: string;
  /** In ms; `false` when the server sends no pings. */
  pingInterval: number | false;
}

/** The part of a server that clients are configured from. */
interface ConfiguredServer {
  readonly version: string;
  readonly pathname: string;
  readonly parser: { readonly name?: string };
  readonly transformer: { readonly name: string };
  readonly options: ParsedServerOptions;
  readonly auth: unknown;
}

/** Returns what the route `<pathname>/spec` answers. */
export function specOf({ version, pathname, parser, transformer, options: { pingInterval } }: ConfiguredServer): Spec {
  return {
    version,
    pathname,
    parser: parser.name ?? 'custom',
    transformer: transformer.name,
    pingInterval: pingInterval === false ? false : milliseconds(pingInterval, 'pingInterval'),
  };
}

/** Returns what the clients of a server are configured with. */
export function configurationOf(server: ConfiguredServer): Configuration {
  const { pingInterval, ...spec } = specOf(server);
  const { global, maxLength, compression } = server.options;
  const options: Configuration['options'] = { pingTimeout: pingInterval === false ? false : pingInterval * 1.5 };
  // A client that is rejected must not try again and again.
  if (server.auth) options.strategy = 'disconnect,online';
  return { ...spec, global, maxLength, compression, options };
}
