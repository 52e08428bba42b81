import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type ServerOptions as HttpOptions } from 'node:http';
import { createSecureServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { resolve } from 'node:path';
import { asError, PrimusError } from '../../core/errors.js';
import { boolean, check, type Kind, object, text } from '../../core/options.js';
import { notice } from '../notices.js';
import type { ServerOptions } from '../options.js';
import type { HttpServer } from './host.js';

/** A file name in `root`, or the value itself: PEM as a text, or bytes. */
export type Certificate = string | Buffer | readonly (string | Buffer)[];

/**
 * What `Primus.createServer` takes beside the options of a server. Other options of Node's own servers, such as `requestCert`,
 * `minVersion` or `maxHeaderSize`, are handed on to them.
 */
export interface CreateServerOptions extends ServerOptions {
  /** Port to listen on. Default 0: a free one. */
  port?: number;
  /** Address to listen on. Default all. */
  host?: string;
  /** The older name of `host`. */
  hostname?: string;
  /** Folder of the certificate files. */
  root?: string;
  /** Of the server. */
  cert?: Certificate;
  /** Of `cert`. */
  key?: Certificate;
  /** Those that vouch for clients, when they are asked who they are (`requestCert`). */
  ca?: Certificate;
  /** `cert` and `key` in one. */
  pfx?: Certificate;
  /** Certificates of clients that were revoked. */
  crl?: Certificate;
  /** Of the key, or of the pfx. */
  passphrase?: string;
  /** Whether whoever speaks HTTP/2 gets it; others, and WebSockets, are served over HTTP/1.1. Needs a certificate. Default false. */
  http2?: boolean;
  /** Silences the notice that plain HTTP is more likely to be blocked on its way than HTTPS. Default false. */
  iknowhttpsisbetter?: boolean;
}

type Listening = HttpServer & { listen(port: number, host?: string): unknown };

const TABLE: Record<string, Kind> = {
  port: ['a port number', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536],
  host: text,
  hostname: text,
  root: text,
  passphrase: text,
  http2: boolean,
  iknowhttpsisbetter: boolean,
};

const FILES = ['cert', 'key', 'ca', 'pfx', 'crl'] as const;

/** An HTTP server; with a certificate an HTTPS server, or one for HTTP/2 and HTTPS. */
export function createHttpServer(options: CreateServerOptions): Listening {
  check({ options }, { options: object });
  check(options, TABLE);
  const { cert, key, pfx, http2 = false, iknowhttpsisbetter = false } = options;
  // Half a certificate must not end in a server without.
  if ((cert === undefined) !== (key === undefined)) throw unusable('A certificate needs both options, cert and key');
  // Of the same name at Node's HTTP/2 server, where it is something else.
  const { origins: _, ...given } = options;
  if (pfx === undefined && cert === undefined) {
    if (http2) throw unusable('The option http2 needs a certificate (cert and key, or pfx): nobody speaks HTTP/2 without TLS');
    if (!iknowhttpsisbetter) notice('PRIMUS_HTTP', PLAIN);
    return createPlainServer(given as HttpOptions);
  }
  const files = FILES.filter((name) => options[name] !== undefined).map((name) => [name, contents(name, options)]);
  const secure = { ...given, ...Object.fromEntries(files) };
  try {
    return http2 ? (createHttp2Server({ ...secure, allowHTTP1: true }) as unknown as Listening) : createHttpsServer(secure);
  } catch (cause) {
    throw unusable(`The certificate cannot be used: ${asError(cause).message}`, cause);
  }
}

const PLAIN =
  'This server speaks HTTP. Firewalls and virus scanners are less likely to block real-time connections over HTTPS: give it a certificate, ' +
  'put it behind a proxy that has one, or set the option iknowhttpsisbetter to true';

function contents(name: (typeof FILES)[number], options: CreateServerOptions): unknown {
  const value = options[name];
  return Array.isArray(value) ? value.map((entry) => content(name, entry, options.root)) : content(name, value, options.root);
}

/** What is given as PEM or bytes is taken as it is; anything else names a file. */
function content(name: string, value: unknown, root = '.'): string | Buffer {
  if (value instanceof Uint8Array || (typeof value === 'string' && value.includes('-----BEGIN'))) return value as string | Buffer;
  // Whatever else is this long may be a secret, and is not repeated.
  if (typeof value !== 'string' || value.length > 1_000 || value.includes('\n'))
    throw unusable(`The option ${name} must be the name of a file, PEM, or bytes`);
  const path = resolve(root, value);
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusable(`The option ${name} names a file that cannot be read: ${path}; root is the folder it is looked for in`, cause);
  }
}

function unusable(message: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_OPTION', message, cause === undefined ? undefined : { cause });
}
