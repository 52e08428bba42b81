import type { Configuration } from '../core/configuration.js';
import { RING } from '../core/ledger.js';
import { milliseconds } from '../core/options.js';
import type { ParsedServerOptions } from './options.js';
import { resumeOptions } from './sessions/options.js';

/** The specification of a server, which shows a client how to connect. */
export interface Spec {
  /** The version of the package. */
  version: string;
  /** The path of the server. */
  pathname: string;
  /** The name of the parser, or `custom`. */
  parser: string;
  /** The name of the transformer. */
  transformer: string;
  /** The time between two pings, in ms; `false` when the server sends none. */
  pingInterval: number | false;
}

/** The default strategy of a server that authorizes requests: a client whose request is rejected must not repeat it again and again. */
export const AUTHORIZED_STRATEGY = 'disconnect,online';

/** The part of a server that clients are configured from. */
interface ConfiguredServer {
  readonly version: string;
  readonly pathname: string;
  readonly parser: { readonly name?: string };
  readonly transformer: { readonly name: string };
  readonly options: ParsedServerOptions;
  readonly auth: unknown;
}

/** Returns the specification that `<pathname>/spec` serves. */
export function specOf({ version, pathname, parser, transformer, options: { pingInterval } }: ConfiguredServer): Spec {
  return {
    pingInterval: pingInterval === false ? false : milliseconds(pingInterval, 'pingInterval'),
    pathname,
    version,
    parser: parser.name ?? 'custom',
    transformer: transformer.name,
  };
}

/** Returns the configuration of a server's clients. */
export function configurationOf(server: ConfiguredServer): Configuration {
  const { pingInterval, ...spec } = specOf(server);
  const { global, maxLength, compression } = server.options;
  const options: Configuration['options'] = { pingTimeout: pingInterval ? pingInterval * 1.5 : false };
  if (server.auth) options.strategy = AUTHORIZED_STRATEGY;
  const resume = resumeOptions(server.options.resume);
  if (resume !== undefined) options.resume = resume.ring === RING || { ring: resume.ring };
  return { ...spec, global, maxLength, ...(compression && { compression }), options };
}
