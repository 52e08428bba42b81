import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type ServerOptions as HttpOptions } from 'node:http';
import { createSecureServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { resolve } from 'node:path';
import { asError, PrimusError } from '../../core/errors.js';
import { boolean, check, type Kind, milliseconds, object, string } from '../../core/options.js';
import { notice } from '../notices.js';
import { DEFAULTS, type ServerOptions } from '../options.js';
import type { HttpServer } from './host.js';
import { closeIdleConnections } from './idle-connections.js';

/** A certificate file: its name in the folder `root`, or its contents as PEM or bytes. */
export type Certificate = string | Buffer | readonly (string | Buffer)[];

/**
 * The options of `Primus.createServer`, beside those of a Primus server. Other options of Node's servers, such as `requestCert`,
 * `minVersion` or `maxHeaderSize`, are passed on to them.
 */
export interface CreateServerOptions extends ServerOptions {
  /**
   * The port to listen on, as a number or as the string that an environment variable holds; 0 is any free port.
   *
   * @defaultValue `0`
   */
  port?: number | string;
  /**
   * The address to listen on.
   *
   * @defaultValue all addresses
   */
  host?: string;
  /**
   * The older name of `host`.
   *
   * @defaultValue all addresses
   */
  hostname?: string;
  /**
   * The folder of the certificate files.
   *
   * @defaultValue the working directory
   */
  root?: string;
  /**
   * The certificate of the server; needs `key`.
   *
   * @defaultValue none: plain HTTP
   */
  cert?: Certificate;
  /**
   * The private key of `cert`.
   *
   * @defaultValue none
   */
  key?: Certificate;
  /**
   * The certificate authorities that client certificates are checked against (`requestCert`).
   *
   * @defaultValue those that Node trusts
   */
  ca?: Certificate;
  /**
   * The certificate and its private key in one file.
   *
   * @defaultValue none
   */
  pfx?: Certificate;
  /**
   * The list of revoked client certificates.
   *
   * @defaultValue none
   */
  crl?: Certificate;
  /**
   * The passphrase of `key`, or of `pfx`.
   *
   * @defaultValue none
   */
  passphrase?: string;
  /**
   * Whether to serve HTTP/2 to clients that support it. Other clients, and WebSockets, are served over HTTP/1.1. Needs a certificate.
   *
   * @defaultValue `false`
   */
  http2?: boolean;
  /**
   * The older name of `http2`.
   *
   * @defaultValue `false`
   */
  spdy?: boolean;
  /**
   * Listens for `listening` of the HTTP server. Functions as `error`, `request`, `upgrade` and `close` listen for these events.
   *
   * @defaultValue none
   */
  listening?: () => void;
  /**
   * Silences the warning that firewalls block plain HTTP more often than HTTPS.
   *
   * @defaultValue `false`
   */
  iknowhttpsisbetter?: boolean;
}

type Listening = HttpServer & { listen(port: number, host?: string): unknown };

const TABLE: Record<string, Kind> = {
  port: ['a port number from 0 to 65535', isPort],
  host: string,
  hostname: string,
  root: string,
  passphrase: string,
  http2: boolean,
  spdy: boolean,
  iknowhttpsisbetter: boolean,
};

/** The streams that a client may open at a time in one HTTP/2 session: Node.js sets no limit. */
const STREAMS = 100;

/** The longest interval at which Node's servers look for requests that are late, in ms: its own default. */
const CHECK = 30_000;

/** The events of the HTTP server for which an option may be the listener. */
export const SERVER_EVENTS = ['listening', 'error', 'request', 'upgrade', 'close'] as const;

const FILES = ['cert', 'key', 'ca', 'pfx', 'crl'] as const;

/**
 * Creates an HTTP server; with a certificate an HTTPS server, or one for HTTP/2 and HTTPS.
 *
 * @throws ERR_PRIMUS_OPTION when an option has the wrong type, or the certificate cannot be used
 */
export function createHttpServer(options: CreateServerOptions): Listening {
  check({ options }, { options: object });
  check(options, TABLE);
  const { cert, key, pfx, spdy = false, http2 = spdy, iknowhttpsisbetter = false } = options;
  // Without this check, half a certificate would silently give a server without TLS.
  if ((cert === undefined) !== (key === undefined)) throw unusable('A certificate needs both options: `cert` and `key`');
  // Node's HTTP/2 server has an option `origins` of another meaning, and its TLS servers take the time-out in ms only.
  const { origins: _, handshakeTimeout, ...rest } = options;
  const timeout = handshakeTimeout ?? DEFAULTS.handshakeTimeout;
  const limit = timeout && milliseconds(timeout, 'handshakeTimeout');
  const given = { ...(limit && limitsOf(limit, rest.requestTimeout)), ...rest };
  if (pfx === undefined && cert === undefined) {
    if (http2) throw unusable('`http2` needs a certificate, as browsers support HTTP/2 over TLS only: set `cert` and `key`, or `pfx`');
    if (!iknowhttpsisbetter) notice('PRIMUS_HTTP', PLAIN);
    return createPlainServer(given as HttpOptions);
  }
  const files = FILES.filter((name) => options[name] !== undefined).map((name) => [name, contents(name, options)]);
  const secure = { ...given, ...Object.fromEntries(files) };
  try {
    if (!http2) return createHttpsServer(secure);
    const server = createHttp2Server({ settings: { maxConcurrentStreams: STREAMS }, ...secure, allowHTTP1: true });
    if (limit) closeIdleConnections(server, limit);
    return server as unknown as Listening;
  } catch (cause) {
    throw unusable(`The certificate cannot be used: ${asError(cause).message}. Check \`cert\`, \`key\`, \`pfx\` and \`passphrase\``, cause);
  }
}

/** The time that Node.js gives a request by default, in ms. */
const REQUEST_TIMEOUT = 300_000;

/** Returns the options of Node's servers that limit the time for a TLS handshake and for the headers of a request. */
function limitsOf(limit: number, requestTimeout: unknown) {
  // Node.js accepts no longer time for the headers than for the request.
  const headersTimeout = Math.min(limit, Number(requestTimeout) || (requestTimeout === 0 ? limit : REQUEST_TIMEOUT));
  return { handshakeTimeout: limit, headersTimeout, connectionsCheckingInterval: Math.max(1, Math.min(CHECK, limit / 8)) };
}

/** Whether a value is a port. Of strings only digits are one: Node's servers take others as the path of a Unix socket. */
function isPort(value: unknown): boolean {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isInteger(port) && (port as number) >= 0 && (port as number) < 65_536;
}

const PLAIN =
  'This server uses plain HTTP. Firewalls and virus scanners block real-time connections less often over HTTPS: set `cert` and `key`, ' +
  'put the server behind a proxy that has a certificate, or set `iknowhttpsisbetter` to silence this warning';

function contents(name: (typeof FILES)[number], options: CreateServerOptions): unknown {
  const value = options[name];
  return Array.isArray(value) ? value.map((entry) => content(name, entry, options.root)) : content(name, value, options.root);
}

/** Returns PEM and bytes as they are, and reads the file that any other value names. */
function content(name: string, value: unknown, root = '.'): string | Buffer {
  if (value instanceof Uint8Array || (typeof value === 'string' && value.includes('-----BEGIN'))) return value as string | Buffer;
  // Another value of this length may be a secret, and is not repeated.
  if (typeof value !== 'string' || value.length > 1_000 || value.includes('\n'))
    throw unusable(`\`${name}\` must be the name of a file, PEM, or bytes`);
  const path = resolve(root, value);
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusable(`\`${name}\` names a file that cannot be read: ${path}. Its folder is the option \`root\``, cause);
  }
}

function unusable(message: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_OPTION', message, cause === undefined ? undefined : { cause });
}
