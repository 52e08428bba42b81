import { PrimusError } from '../../../src/core/errors.js';
import { PARAMETERS } from '../options.js';

/**
 * An address with a query, which the framework has no place for: it appends `/test` for the first of its endpoints, and
 * `/bind` for the second. Behind a `#` that does no harm.
 */
export class Address {
  readonly #url: URL;
  readonly #endpoints = ['/test', '/bind'];

  constructor(address: string) {
    this.#url = new URL(address);
    for (const name of PARAMETERS) this.#url.searchParams.delete(name);
    if (this.#url.hostname.startsWith('['))
      throw new PrimusError('ERR_PRIMUS_URL', `BrowserChannel cannot dial ${this.#url.hostname}; use a name for the IPv6 address`);
  }

  /** Asked whether it is one of WebSocket. */
  match(): null {
    return null;
  }

  toString(): string {
    const { origin, pathname, searchParams } = this.#url;
    return `${origin}${pathname.replace(/\/$/, '')}${this.#endpoints.shift()}?${searchParams}#`;
  }
}
