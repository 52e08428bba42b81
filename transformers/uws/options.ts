import type { ClientOptions } from 'ws';

/** The option `transport` of the server: the options of uWebSockets.js, without those that the library sets itself. */
export interface UWSServerTransport {
  /**
   * The supported subprotocols; the first one offered by the client that is among them is chosen.
   * @defaultValue any: the client's first is chosen
   */
  protocols?: string[];
  /**
   * The sum of the engine's constants for a compressor and a decompressor.
   * @defaultValue the shared ones with `compression`, else none
   */
  compression?: number;
  /**
   * The longest duration of a connection, in minutes; 0 is no limit.
   * @defaultValue `0`
   */
  maxLifetime?: number;
  /**
   * The file of the key, in PEM.
   * @defaultValue the key that an HTTPS server was created with
   */
  key_file_name?: string;
  /**
   * The file of the certificate, in PEM.
   * @defaultValue the certificate that an HTTPS server was created with
   */
  cert_file_name?: string;
  /**
   * The passphrase of the key.
   * @defaultValue the passphrase that an HTTPS server was created with
   */
  passphrase?: string;
  /**
   * The file of the Diffie-Hellman parameters.
   * @defaultValue none
   */
  dh_params_file_name?: string;
  /**
   * The ciphers, as OpenSSL lists them.
   * @defaultValue those of OpenSSL
   */
  ssl_ciphers?: string;
  /**
   * Whether TLS saves memory at the cost of speed.
   * @defaultValue `false`
   */
  ssl_prefer_low_memory_usage?: boolean;
}

/** The option `transport` of the Node.js client: the options of `ws`. Browsers have none. */
export type UWSClientTransport = Omit<ClientOptions, 'maxPayload'>;
