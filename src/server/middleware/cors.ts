import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Duration, invalid, type Kind, milliseconds } from '../../core/options.js';
import { reject } from '../http/reject.js';
import { strip } from './credentials.js';
import type { Middleware } from './layers.js';
import { canonical, isOwn, listOf, originSet, parseOrigin } from './origins.js';
import { asks, reads } from './primus-js.js';

/** The options of cross-origin requests: they restrict pages of other origins. */
export interface CorsOptions {
  /**
   * The origins whose pages may use this server, on every transport: `'*'`, or a list, or a string with commas.
   *
   * @defaultValue `'*'`
   */
  origins?: string | readonly string[];
  /**
   * The methods that a page may use.
   *
   * @defaultValue `'GET,HEAD,PUT,POST,DELETE,OPTIONS'`
   */
  methods?: string | readonly string[];
  /**
   * Whether pages may send credentials: `true` allows pages of the server's own origin and of the named `origins`. `'any-origin'` allows
   * every page on the web to act for a user who is logged in to this site.
   *
   * @defaultValue `true`
   */
  credentials?: boolean | 'any-origin';
  /**
   * The time for which a browser may cache a preflight, in seconds or as a string; 0 and `false` send no header.
   *
   * @defaultValue `'30 days'`
   */
  maxAge?: Duration | false;
  /**
   * The request headers that a page may send; `false` allows the headers that it asks for.
   *
   * @defaultValue `false`
   */
  headers?: string | readonly string[] | false;
  /**
   * The response headers that a page may read; `false` allows the simple ones only.
   *
   * @defaultValue `false`
   */
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

const LIST: Kind = ['a string or a list of strings', (value) => value === false || typeof value === 'string' || Array.isArray(value)];

export const CORS_TABLE: Record<string, Kind> = {
  origins: LIST,
  methods: LIST,
  credentials: ["true, false or 'any-origin'", (value) => typeof value === 'boolean' || value === 'any-origin'],
  headers: LIST,
  exposed: LIST,
};

/** The part of a server that this middleware uses. */
interface CorsHost {
  readonly pathname: string;
  readonly options: typeof CORS_DEFAULTS;
  readonly host: { log(level: string, ...values: unknown[]): void };
}

/** The responses whose CORS headers are final. */
const sealed = new WeakSet<ServerResponse>();

/**
 * Creates the middleware for cross-origin requests. It sends the headers of the fetch standard, and enforces them: also on upgrades, for
 * which browsers send no preflight. A request without `Origin` comes from a page of the server's own origin, from no page, or from one of
 * another origin that loads a script or a frame: then `Sec-Fetch-Site` says so, and only `Referer` may name the page.
 *
 * ```
 * origin          origins '*'                     origins named
 * the server's    passes                          passes if named
 * of this site    passes                          passes if named, with credentials; else 403
 * another         passes without credentials      passes if named, with credentials; else 403
 * ```
 */
export function cors(this: CorsHost): Middleware {
  const { options, host } = this;
  const { credentials } = options;
  const origins = originSet(options.origins);
  const methods = listOf(options.methods).map((method) => method.toUpperCase());
  const maxAge = seconds(options.maxAge);
  const allowed = listOf(options.headers).join(', ');
  const exposed = listOf(options.exposed).join(', ');
  const ancestors = ancestorsOf(origins, credentials);
  const warnings = new Set<string>();

  /** Removes the credentials that a page of another site has sent. Returns whether there were any. */
  function hideCredentials(request: IncomingMessage, source: string | undefined): boolean {
    if (credentials === 'any-origin' || !isForeign(request, credentials === false)) return false;
    if (credentials && origins !== undefined && source !== undefined && source !== 'null') return false;
    if (!strip(request)) return false;
    if (credentials === false) return true;
    const hint = "Name the origins that may send them with the option `origins`, or set `credentials` to 'any-origin'";
    warnOnce('ignored', `The credentials of a request from ${request.headers.origin ?? 'another site'} were ignored. ${hint}`);
    return true;
  }

  function rejectOrigin(origin: string, request: IncomingMessage, response: ServerResponse | Duplex): true {
    const parsed = parseOrigin(origin);
    if (parsed && isOwn(parsed, request))
      warnOnce('own', `A page of this server, ${origin}, was rejected. Name its origin with the option \`origins\``);
    return reject(response, { status: 403, message: `The origin ${origin} may not use this server` });
  }

  /** Logs the first warning of each kind: a client that sends many requests does not fill the log. */
  function warnOnce(kind: string, message: string): void {
    if (warnings.has(kind)) return;
    warnings.add(kind);
    host.log('warning', message);
  }

  const layer = (request: IncomingMessage, response: ServerResponse | Duplex): boolean => {
    const { headers } = request;
    const { origin } = headers;
    const answer = 'setHeader' in response ? response : undefined;
    answer?.appendHeader?.('Vary', 'Origin');
    if (ancestors) answer?.setHeader('Content-Security-Policy', ancestors);
    // The address of a page that a framework serves may have a token.
    answer?.setHeader('Referrer-Policy', 'no-referrer');
    const source = origin ?? (isPublic(request, this.pathname) ? undefined : sourceOf(request));
    const known = source === undefined || origins === undefined ? source : canonical(source);
    if (source !== undefined && (known === undefined || origins?.has(known) === false)) return rejectOrigin(source, request, response);
    const hidden = (headers.cookie !== undefined || headers.authorization !== undefined) && hideCredentials(request, source);
    if (origin === undefined || answer === undefined) return false;

    sealed.add(answer);
    answer.setHeader('Access-Control-Allow-Origin', origins === undefined && !credentials ? '*' : origin);
    // Any sandboxed frame or local file has the origin 'null': it is not trusted with credentials.
    if (credentials && origin !== 'null' && !hidden) answer.setHeader('Access-Control-Allow-Credentials', 'true');
    const asked = headers['access-control-request-method'];
    if (request.method === 'OPTIONS' && asked !== undefined) {
      const wanted = allowed || headers['access-control-request-headers'];
      if (maxAge > 0) {
        answer.setHeader('Access-Control-Max-Age', maxAge);
        answer.setHeader('Cache-Control', `public, max-age=${maxAge}`);
        answer.setHeader('Expires', new Date(Date.now() + maxAge * 1_000).toUTCString());
      }
      answer.setHeader('Access-Control-Allow-Methods', methods.join(', '));
      if (wanted) answer.setHeader('Access-Control-Allow-Headers', wanted);
      answer.writeHead(200, { 'Content-Length': '0' }).end();
      return true;
    }
    if (!methods.includes(request.method ?? ''))
      return reject(response, { status: 403, message: `The method ${request.method} may not be used from another origin` });
    if (exposed) answer.setHeader('Access-Control-Expose-Headers', exposed);
    return false;
  };
  return Object.assign(layer as Middleware, { raw: true });
}

/**
 * Returns the policy on pages that show an answer in a frame, which has the credentials of this server's own pages: they must be of an
 * origin that may use those.
 */
function ancestorsOf(origins: ReadonlySet<string> | undefined, credentials: boolean | 'any-origin'): string | undefined {
  if (origins === undefined) return credentials === 'any-origin' ? undefined : "frame-ancestors 'self'";
  return `frame-ancestors ${
    [...origins]
      .filter((origin) => origin !== 'null')
      .map((origin) => origin.replace(/:0$/, ''))
      .join(' ') || "'none'"
  }`;
}

/** Returns the origin of a page of another origin whose request does not name it: that of `Referer`, else `null`. */
function sourceOf({ headers }: IncomingMessage): string | undefined {
  if (!/^(?:cross|same)-site$/.test(String(headers['sec-fetch-site']))) return undefined;
  const [origin = ''] = /^https?:\/\/[^/?#]+/i.exec(headers.referer ?? '') ?? [];
  return parseOrigin(origin) ? origin : 'null';
}

/** Whether a request is for a file without secrets: any page may load the library as a script. */
function isPublic(request: IncomingMessage, pathname: string): boolean {
  return reads(request) && (asks(request, pathname, 'primus.js') || asks(request, pathname, 'spec'));
}

/** Whether a page of another site, or `strict` origin, has made a request: browsers say so, or name its origin. */
function isForeign(request: IncomingMessage, strict: boolean): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site !== undefined && !strict) return site === 'cross-site';
  if (origin === undefined) return site === 'cross-site' || site === 'same-site';
  const parsed = parseOrigin(origin);
  return parsed === undefined || !isOwn(parsed, request);
}

/** Makes the CORS headers of a response final: some frameworks set their own, which would allow more. */
export function seal(response: ServerResponse): void {
  if (!sealed.has(response)) return;
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

/** Whether a header allows something. The ones about preflights do not: those are answered before. */
function isCors(name: string): boolean {
  return /^access-control-(?!max-age$|allow-methods$)/i.test(name);
}

function seconds(maxAge: Duration | false): number {
  if (maxAge === false) return 0;
  const result = typeof maxAge === 'string' ? Math.round(milliseconds(maxAge, 'maxAge') / 1000) : maxAge;
  if (typeof result === 'number' && result >= 0) return result;
  throw invalid('maxAge', "a time in seconds or a string such as '30 days'", maxAge);
}
