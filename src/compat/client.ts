import type { ClientOptions } from '../../client/options.js';
import type { Primus } from '../../client/primus.js';
import { parseUrl, printUrl, type UrlOptions, urlOptions } from '../../client/url.js';
import { callable } from '../core/callable.js';
import { asError } from '../core/errors.js';
import type { ClientFunctions } from '../core/plugin.js';
import { OPEN } from '../core/ready-state.js';
import { credentialsOf, inject } from './inject.js';
import { querystring, querystringify } from './querystring.js';
import { Recovery } from './recovery.js';
import { Timers } from './timers.js';
import { transforms } from './transforms.js';

/** The static members of a class of clients that old plugins use. They depend on the platform. */
export interface LegacyStatics {
  EventEmitter: unknown;
  Stream: unknown;
  /** The platform's `require`, where it has one. */
  requires: unknown;
}

/** The options of `uri`: the protocol of the address, whether it has a query, and whether it is an object or a string. */
export interface UriOptions {
  protocol?: string;
  query?: boolean | string;
  object?: boolean;
}

/** The members that old plugins, and applications with such plugins, use. */
export type LegacyMembers = { [Name in keyof typeof members]: OmitThisParameter<(typeof members)[Name]> };

/** A class of clients with the members of Primus 8. It may also be called without `new`. */
export type LegacyClientClass = typeof Primus & LegacyStatics & ((...args: ConstructorParameters<typeof Primus>) => Primus & LegacyMembers);

/** An address that others are relative to. */
type Location = string | { readonly href?: string } | null;

/** A function that parses the query of an address, or whether to parse it. */
type QueryParser = ((query: string) => unknown) | boolean;

/** The address of a client, with the names of Primus 8 as well. */
class LegacyUrl extends URL {
  get slashes(): boolean {
    return true;
  }

  get query(): string {
    return this.search;
  }

  get auth(): string {
    return this.username && this.username + (this.password && `:${this.password}`);
  }

  set(part: string, value: string): this {
    (this as unknown as Record<string, string>)[part === 'query' ? 'search' : part] = value;
    return this;
  }
}

const lazy = new WeakMap<object, { recovery?: Recovery; timers?: Timers }>();

function kept(client: object) {
  const views = lazy.get(client) ?? {};
  lazy.set(client, views);
  return views;
}

/** Adds the members that old plugins expect to a class of clients, and handles the private events that they inject. */
export function legacyClient(Class: typeof Primus, statics: LegacyStatics): LegacyClientClass {
  const emit = Class.prototype.emit as (event: string, ...args: unknown[]) => boolean;
  const LegacyClient = class extends Class {
    override initialise(options: ClientOptions): this {
      Object.setPrototypeOf(this.url, LegacyUrl.prototype);
      return super.initialise(options);
    }

    override end(data?: unknown): this {
      kept(this).recovery?.cancel();
      return super.end(data);
    }

    override destroy(): this {
      (this as unknown as LegacyMembers).recovery.stop();
      super.destroy();
      kept(this).timers?.end();
      return this;
    }
  };
  Object.defineProperties(LegacyClient.prototype, {
    ...Object.getOwnPropertyDescriptors(members),
    ark: { value: Class.prototype.ark, writable: true, enumerable: true, configurable: true },
    emit: {
      value(this: Primus, event: string, ...args: unknown[]): boolean {
        return inject(this, event, args) || emit.call(this, event, ...args);
      },
      writable: true,
      configurable: true,
    },
  });
  const { Stream: super_, requires } = statics;
  return Object.assign(callable(LegacyClient), { ...statics, super_, require: requires }) as unknown as LegacyClientClass;
}

/** The members that old plugins expect on the prototype of clients. */
const members = {
  transforms,
  querystring,
  querystringify,

  /** Returns the client function of a plugin, or those of all plugins by name. */
  plugin(this: Primus, name?: string): ClientFunctions[string] | ClientFunctions | undefined {
    return name ? this.ark[name] : { ...this.ark };
  },

  merge<T extends object>(target: T, ...sources: object[]): T {
    return sources.length > 0 ? Object.assign(target, ...sources) : target;
  },

  clone<T extends object>(object: T): T {
    return { ...object };
  },

  /**
   * Returns the parts of an address. One without a host is resolved against `location`, which may be left out. A `parser` makes an object
   * of the query, `true` is `querystring`.
   */
  parse(this: Primus | undefined, address: string, location?: QueryParser | Location, parser?: QueryParser) {
    const given = typeof location === 'string' || typeof location === 'object';
    const { origin: own } = (this?.constructor as typeof Primus | undefined)?.parts.platform ?? {};
    const base = (typeof location === 'string' ? location : (location as { href?: string } | null | undefined)?.href) ?? own;
    const url = Object.setPrototypeOf(parseUrl(address || base, base), LegacyUrl.prototype) as LegacyUrl;
    const { protocol, slashes, auth, host, hostname, port, pathname, hash, href, origin, username, password } = url;
    const wanted = given ? parser : (parser ?? location);
    const parse = typeof wanted === 'function' ? wanted : querystring;
    const query = wanted ? parse(url.query) : url.query;
    return { protocol, slashes, auth, host, hostname, port, pathname, hash, href, origin, query, username, password };
  },

  /** Emits an error. */
  critical(this: Primus, error: unknown) {
    this.emit('error', asError(error));
    return this;
  },

  /** Returns the address to connect to. Emits `outgoing::url` with its parts before, which listeners may change. */
  uri(this: Primus, options?: UriOptions): string | UrlOptions {
    const { protocol = 'http', query = false, object = false } = options ?? {};
    const speaks = /^ws/.test(protocol) ? 'ws' : 'http';
    const parts = urlOptions(this.url, this.pathname, speaks, Date.now().toString(36), credentialsOf(this));
    if (!query) parts.query = '';
    else if (typeof query === 'string') parts.query = query;
    this.emit('outgoing::url', parts);
    return object ? parts : printUrl(parts);
  },

  /** The version of the package that the client comes from. */
  get version(): string | undefined {
    return (this.constructor as typeof Primus).configuration.version;
  },

  get AVOID_WEBSOCKETS(): boolean {
    return (this as unknown as Primus).options.websockets === false;
  },

  get NETWORK_EVENTS(): boolean {
    return (this as unknown as Primus).options.network !== false && 'onLine' in (globalThis.navigator ?? {});
  },

  get transport(): object {
    return (this as unknown as Primus).options.transport;
  },

  get recovery(): Recovery {
    const views = kept(this);
    views.recovery ??= new Recovery(this as unknown as Primus);
    return views.recovery;
  },

  get timers(): Timers {
    const client = this as unknown as Primus;
    const views = kept(this);
    views.timers ??= new Timers((name) => {
      if (name === 'connect') return client.state.name === 'connecting';
      if (name === 'reconnect') return client.state.name === 'waiting';
      return name === 'heartbeat' && client.readyState === OPEN && Boolean(client.options.pingTimeout);
    }, client);
    return views.timers;
  },
};
