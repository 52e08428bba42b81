import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Duration, invalid, type Kind, milliseconds } from '../../core/options.js';
import { reject } from '../http/reject.js';
import { strip } from './credentials.js';
import type { Middleware } from './layers.js';
import { canonical, isOwn, listOf, originSet, parseOrigin } from './origins.js';

/** The options of cross-origin requests: what pages of other origins may do. */
export interface CorsOptions {
  /** Whose pages may use this server, on every transport: `'*'`, or origins as a list or separated by commas. Default `'*'`. */
  origins?: string | readonly string[];
  /** Methods a page may use. Default GET, HEAD, PUT, POST, DELETE and OPTIONS. */
  methods?: string | readonly string[];
  /**
   * Whether pages may send credentials. Default true, for pages of our own and of origins that are named; `'any-origin'` for
   * the pages of anybody: each may then act in the name of a user who is logged in here.
   */
  credentials?: boolean | 'any-origin';
  /** How long a preflight may be remembered, in seconds or as a text; 0 or `false` says nothing. Default `'30 days'`. */
  maxAge?: Duration | false;
  /** Request headers a page may send. Default `false`: those it asks for. */
  headers?: string | readonly string[] | false;
  /** Response headers a page may read. Default `false`: none but the simple ones. */
  exposed?: string | readonly string[] | false;
}

export const CORS_DEFAULTS = {
  origins: '*',
  methods: 'GET,HEAD,PUT,POST,DELETE,OPTIONS',
  credentials: true as boolean | 'any-origin',
  maxAge: '30 days' as Duration | false,
  headers: false as string | readonly string[] | false,
  exposed: false as string | readonly string[] | false,
};

const LIST: Kind = ['a text or a list of texts', (value) => value === false || typeof value === 'string' || Array.isArray(value)];

export const CORS_TABLE: Record<string, Kind> = {
  origins: LIST,
  methods: LIST,
  credentials: ["true, false or 'any-origin'", (value) => typeof value === 'boolean' || value === 'any-origin'],
  headers: LIST,
  exposed: LIST,
};

/** Where the log is. */
interface Owner {
  readonly options: typeof CORS_DEFAULTS;
  readonly host: { log(level: string, ...values: unknown[]): void };
}

/** What a browser says of a request that another site's page has made. */
const FOREIGN = /^(cross|same)-site$/;

/** The answers whose headers are settled. */
const settled = new WeakSet<ServerResponse>();

/**
 * Cross-origin requests. What pages may do is told by the headers of the fetch standard, and enforced: also on upgrades, where no browser
 * asks. A request without `Origin` is not a page's, or is one of our own.
 *
 * ```
 * origin          origins '*'                     origins named
 * our own         passes                          passes if named
 * another         passes without credentials      passes if named, with credentials; else 403
 * ```
 */
export function cors(this: Owner): Middleware {
  const { options, host } = this;
  const { credentials } = options;
  const origins = originSet(options.origins);
  const methods = listOf(options.methods).map((method) => method.toUpperCase());
  const maxAge = seconds(options.maxAge);
  const allowed = listOf(options.headers).join(', ');
  const exposed = listOf(options.exposed).join(', ');
  const told = new Set<string>();

  function anonymous(request: IncomingMessage): void {
    if (!strip(request) || credentials === false) return;
    const cure = "name the origins that may use them with the option origins, or set credentials: 'any-origin'";
    tell('ignored', `The credentials of a request from ${request.headers.origin ?? 'another site'} were ignored; ${cure}`);
  }

  function stranger(origin: string, request: IncomingMessage, response: ServerResponse | Duplex): true {
    const parsed = parseOrigin(origin);
    if (parsed && isOwn(parsed, request)) tell('own', `A page of our own, ${origin}, was refused: the option origins does not name it`);
    return reject(response, 403, `The origin ${origin} may not use this server`);
  }

  /** Once of a kind: whoever asks again and again does not fill the log. */
  function tell(kind: string, message: string): void {
    if (told.has(kind)) return;
    told.add(kind);
    host.log('warning', message);
  }

  const layer = (request: IncomingMessage, response: ServerResponse | Duplex): boolean => {
    const { headers } = request;
    const { origin } = headers;
    const answer = 'setHeader' in response ? response : undefined;
    answer?.appendHeader?.('Vary', 'Origin');
    const guarded = credentials !== 'any-origin' && (headers.cookie !== undefined || headers.authorization !== undefined);
    if (origin === undefined) {
      if (guarded && FOREIGN.test(String(headers['sec-fetch-site']))) anonymous(request);
      return false;
    }

    const known = origins === undefined && answer === undefined ? origin : canonical(origin);
    if (known === undefined || origins?.has(known) === false) return stranger(origin, request, response);
    if (guarded && !(origins !== undefined && credentials && origin !== 'null')) {
      const parsed = parseOrigin(origin);
      if (parsed === undefined || !isOwn(parsed, request)) anonymous(request);
    }
    if (answer === undefined) return false;

    settled.add(answer);
    answer.setHeader('Access-Control-Allow-Origin', origins === undefined && !credentials ? '*' : origin);
    // Any sandboxed frame or local file is 'null': nobody to be trusted with credentials.
    if (credentials && origin !== 'null') answer.setHeader('Access-Control-Allow-Credentials', 'true');
    const asked = headers['access-control-request-method'];
    if (request.method === 'OPTIONS' && asked !== undefined) {
      const wanted = allowed || headers['access-control-request-headers'];
      if (maxAge > 0) answer.setHeader('Access-Control-Max-Age', maxAge);
      answer.setHeader('Access-Control-Allow-Methods', methods.join(', '));
      if (wanted) answer.setHeader('Access-Control-Allow-Headers', wanted);
      answer.writeHead(200, { 'Content-Length': '0' }).end();
      return true;
    }
    if (!methods.includes(request.method ?? ''))
      return reject(response, 403, `The method ${request.method} may not be used from another origin`);
    if (exposed) answer.setHeader('Access-Control-Expose-Headers', exposed);
    return false;
  };
  return Object.assign(layer as Middleware, { raw: true });
}

/** From here on nobody widens what `cors` has allowed: some frameworks have headers of their own. */
export function seal(response: ServerResponse): void {
  if (!settled.has(response)) return;
  const { setHeader, writeHead } = response;
  response.setHeader = function (name, value) {
    return isCors(name) ? this : setHeader.call(this, name, value);
  };
  response.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    const fields = args.at(-1);
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
      args[args.length - 1] = Object.fromEntries(Object.entries(fields).filter(([name]) => !isCors(name)));
    }
    return writeHead.apply(this, args as never);
  } as typeof writeHead;
}

function isCors(name: string): boolean {
  return /^access-control-/i.test(name);
}

function seconds(maxAge: Duration | false): number {
  if (maxAge === false) return 0;
  const result = typeof maxAge === 'string' ? Math.round(milliseconds(maxAge, 'maxAge') / 1000) : maxAge;
  if (typeof result === 'number' && result >= 0) return result;
  throw invalid('maxAge', "a time in seconds, or a text such as '30 days'", maxAge);
}
