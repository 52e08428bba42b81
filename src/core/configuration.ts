import { ASSUMED, type Duration, withDefaults } from './options.js';

/** The configuration that a client has of its server. It is data only: a served library contains it as JSON. */
export interface Configuration {
  version: string;
  pathname: string;
  parser: string;
  transformer: string;
  /** The name of the client's class in a page. */
  global: string;
  /** The longest message that the server accepts, in bytes. */
  maxLength: number;
  /** Left out where messages are not compressed. */
  compression?: boolean;
  /** Client options that follow from the server's. The options of the client win. */
  options: { pingTimeout?: Duration | false; strategy?: string; resume?: boolean | { ring: number } };
}

/** The part of it that a class of clients is configured with. */
export type ClientConfiguration = Pick<Configuration, 'pathname' | 'maxLength' | 'compression' | 'options'> &
  Partial<Pick<Configuration, 'version'>>;

/** Completes a configuration with the defaults of the server. */
export function assume(given: Partial<ClientConfiguration>): ClientConfiguration {
  return withDefaults(ASSUMED, given);
}

/** Returns the pathname with one slash in front and none at the end. */
export function normalizePathname(pathname: string): string {
  return `/${pathname.replace(/^\/+|\/+$/g, '')}`;
}
