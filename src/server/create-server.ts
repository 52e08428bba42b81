import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions as TlsOptions } from 'node:https';
import { resolve } from 'node:path';
import { PrimusError } from '../core/errors.js';
import { check, type Kind, text } from '../core/options.js';
import type { HttpServer } from './host.js';
import type { ServerOptions } from './options.js';

/** What `Primus.createServer` takes beside the options of a server. */
export interface CreateServerOptions extends ServerOptions {
  /** Port to listen on. Default 0: a free one. */
  port?: number;
  /** Address to listen on. Default all. */
  host?: string;
  /** Folder of the certificate files. */
  root?: string;
  /** File name in `root`, or the value itself. */
  cert?: string | Buffer;
  /** File name in `root`, or the value itself. */
  key?: string | Buffer;
  /** File names in `root`, or the values themselves. */
  ca?: string | Buffer | readonly (string | Buffer)[];
  /** File name in `root`, or the value itself; stands for `cert` and `key`. */
  pfx?: string | Buffer;
  /** File name in `root`, or the value itself. */
  crl?: string | Buffer;
  /** Of the key. */
  passphrase?: string;
}

const PORT: Kind = ['a port number', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536];

const FILES = ['cert', 'key', 'ca', 'pfx', 'crl'] as const;

/** An HTTP server, or an HTTPS server when there is a certificate. */
export function httpServer(options: CreateServerOptions): {
  server: HttpServer & { listen(port: number, host?: string): unknown };
  secure: boolean;
} {
  check(options, { port: PORT, root: text });
  // Half a certificate must not end in a server without.
  if ((options.cert === undefined) !== (options.key === undefined))
    throw new PrimusError('ERR_PRIMUS_OPTION', 'A certificate needs both options, cert and key');
  const secure = options.pfx !== undefined || (options.cert !== undefined && options.key !== undefined);
  if (!secure) return { server: createHttpServer(), secure };
  const tls: Record<string, unknown> = { passphrase: options.passphrase };
  for (const name of FILES) {
    const value = options[name];
    if (value !== undefined)
      tls[name] = Array.isArray(value)
        ? value.map((entry) => content(entry, options.root))
        : content(value as string | Buffer, options.root);
  }
  return { server: createHttpsServer(tls as TlsOptions), secure };
}

/** A certificate given as its text or bytes is taken as it is; anything else names a file. */
function content(value: string | Buffer, root = '.'): string | Buffer {
  return typeof value !== 'string' || value.includes('-----BEGIN') ? value : readFileSync(resolve(root, value));
}
