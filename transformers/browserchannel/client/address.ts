import { PrimusError } from '../../../src/core/errors.js';
import { PARAMETERS } from '../options.js';

/**
 * An address with a query, which the framework does not support: it appends `/test` for its first endpoint, and `/bind` for
 * its second. After a `#` that does no harm.
 * @throws ERR_PRIMUS_URL
 */
export class Address {
  readonly #url: URL;
  readonly #endpoints = ['/test', '/bind'];

  constructor(address: string) {
    this.#url = new URL(address);
    for (const name of PARAMETERS) this.#url.searchParams.delete(name);
    if (this.#url.hostname.startsWith('['))
      throw new PrimusError(
        'ERR_PRIMUS_URL',
        `BrowserChannel cannot connect to ${this.#url.hostname}; use a host name for the IPv6 address`,
      );
  }

  /** The framework tests whether this is an address of a WebSocket. */
  match(): null {
    return null;
  }

  toString(): string {
    const { origin, pathname, searchParams } = this.#url;
    return `${origin}${pathname.replace(/\/$/, '')}${this.#endpoints.shift()}?${searchParams}#`;
  }
}
