import type { ClientOptions } from 'ws';

/** `transport` on the server: options of uWebSockets.js, but for those the library sets itself. */
export interface UWSServerTransport {
  /** Subprotocols that are spoken; the first of the client's that is among them is chosen. Default the client's first. */
  protocols?: string[];
  /** The engine's sum of compressor and decompressor. Default the shared ones with `compression`, else none. */
  compression?: number;
  /** How many minutes a connection may last; 0 is for ever. Default 0. */
  maxLifetime?: number;
  /** Files of the key and its certificate, in PEM. Default what an HTTPS server was made with. */
  key_file_name?: string;
  /** File of the certificate. */
  cert_file_name?: string;
  /** Of the key. */
  passphrase?: string;
  /** File of the Diffie-Hellman parameters. */
  dh_params_file_name?: string;
  /** Ciphers, as OpenSSL lists them. */
  ssl_ciphers?: string;
  /** Whether TLS trades speed for memory. */
  ssl_prefer_low_memory_usage?: boolean;
}

/** `transport` in the Node client: options of `ws`. Browsers have none. */
export type UWSClientTransport = Omit<ClientOptions, 'maxPayload'>;
