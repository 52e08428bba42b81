import { type Duration, SERVER_DEFAULTS } from './options.js';

/** What a client is told about its server. Data only: in a served library it is one line of JSON. */
export interface Configuration {
  version: string;
  pathname: string;
  parser: string;
  transformer: string;
  /** Name of the client's class in a page. */
  global: string;
  maxLength: number;
  compression: boolean;
  /** Client options that follow from the server's; a user's own win. */
  options: { pingTimeout?: Duration | false; strategy?: string };
}

/** The part of it that a client's class is made with. */
export type ClientConfiguration = Pick<Configuration, 'pathname' | 'maxLength' | 'compression' | 'options'>;

/** A configuration that is told in part, with what is to be assumed of a server for the rest. */
export function assume({ pathname, ...told }: Partial<ClientConfiguration>): ClientConfiguration {
  const { maxLength, compression } = SERVER_DEFAULTS;
  return { maxLength, compression, options: {}, ...told, pathname: normalizePathname(pathname ?? SERVER_DEFAULTS.pathname) };
}

/** A pathname begins with one slash and ends with none. */
export function normalizePathname(pathname: string): string {
  return `/${pathname.replace(/^\/+|\/+$/g, '')}`;
}
