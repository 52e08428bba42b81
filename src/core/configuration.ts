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

/** What a client assumes of a server it was not configured by. */
export const ASSUMED: Pick<Configuration, 'pathname' | 'maxLength' | 'compression'> = {
  pathname: SERVER_DEFAULTS.pathname,
  maxLength: SERVER_DEFAULTS.maxLength,
  compression: SERVER_DEFAULTS.compression,
};

/** A pathname begins with one slash and ends with none. */
export function normalizePathname(pathname: string): string {
  return `/${pathname.replace(/^\/+|\/+$/g, '')}`;
}
