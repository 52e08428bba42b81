import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as TlsServer } from 'node:tls';
import { PrimusError } from '../../../src/core/errors.js';
import type { HttpServer } from '../../../src/server/http/host.js';
import type { UWSServerTransport } from '../options.js';
import type { App, UWS } from './framework.js';

/** The options of an HTTPS server, as Node.js keeps them. */
interface Secrets {
  key?: unknown;
  cert?: unknown;
  pfx?: unknown;
  crl?: unknown;
  passphrase?: string;
  requestCert?: boolean;
}

const TLS_OPTIONS = ['key_file_name', 'cert_file_name', 'passphrase', 'dh_params_file_name', 'ssl_ciphers', 'ssl_prefer_low_memory_usage'];

/** Whether a server uses TLS. */
export function isSecure(server: HttpServer, transport: UWSServerTransport): boolean {
  return server instanceof TlsServer || transport.key_file_name !== undefined;
}

/**
 * Creates the engine's app; with TLS where the server, or `transport`, has a certificate.
 * @throws ERR_PRIMUS_OPTION
 */
export function makeApp(uws: UWS, server: HttpServer, transport: UWSServerTransport): App {
  if (!isSecure(server, transport)) return uws.App();
  const options = Object.fromEntries(Object.entries(transport).filter(([name]) => TLS_OPTIONS.includes(name)));
  if (transport.key_file_name !== undefined) return secured(uws, options);
  const { key, cert, passphrase } = checked(server as unknown as Secrets);
  // The engine takes files only. It has read them when it returns.
  const folder = mkdtempSync(join(tmpdir(), 'primus-'));
  try {
    const [key_file_name, cert_file_name] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    writeFileSync(key_file_name, key, { mode: 0o600 });
    writeFileSync(cert_file_name, cert, { mode: 0o600 });
    return secured(uws, { ...(passphrase !== undefined && { passphrase }), ...options, key_file_name, cert_file_name });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The engine gives no reason when it fails. */
function secured(uws: UWS, options: object): App {
  try {
    return uws.SSLApp(options);
  } catch (cause) {
    throw unable('cannot use this key and certificate; give two files in PEM that belong together', cause);
  }
}

type Pem = string | NodeJS.ArrayBufferView;

/**
 * Checks that the engine can do what an HTTPS server was created with.
 * @throws ERR_PRIMUS_OPTION
 */
export function checked({ key, cert, pfx, crl, passphrase, requestCert }: Secrets): {
  key: Pem;
  cert: Pem;
  passphrase: string | undefined;
} {
  if (pfx !== undefined) throw unable('does not support the option pfx; use key and cert');
  if (crl !== undefined) throw unable('does not support the option crl');
  if (requestCert) throw unable('does not support client certificates; remove the option requestCert');
  if (!isPem(key) || !isPem(cert)) throw unable('needs one key and one cert, each a string or a Buffer in PEM');
  return { key, cert, passphrase };
}

function isPem(value: unknown): value is Pem {
  return typeof value === 'string' || ArrayBuffer.isView(value);
}

function unable(what: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_OPTION', `The transformer uws ${what}`, { cause });
}
