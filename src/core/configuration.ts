import { ASSUMED, type Duration, withDefaults } from './options.js';

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

/** A configuration that is given in part, with the defaults of the server for the rest. */
export function assume(given: Partial<ClientConfiguration>): ClientConfiguration {
  return withDefaults(ASSUMED, given);
}

/** A pathname begins with one slash and ends with none. */
export function normalizePathname(pathname: string): string {
  return `/${pathname.replace(/^\/+|\/+$/g, '')}`;
}
