/** Query parameters of the framework: an address cannot have them, and a request has each once. */
export const PARAMETERS = ['VER', 'MODE', 'TYPE', 'SID', 'RID', 'AID', 'CI', 'CVER', 'OSID', 'OAID'];

/** The option `transport` of the server: the options of browserchannel, without those that the library sets itself. */
export interface BrowserChannelServerTransport {
  /**
   * The prefixes of the host name: each client is given one of them, and sends its requests there.
   * @defaultValue none
   */
  hostPrefixes?: string[];
  /**
   * The interval of the framework's own heartbeat, in ms.
   * @defaultValue `20_000`
   */
  keepAliveInterval?: number;
  /**
   * The time after which a client without a request counts as disconnected, in ms.
   * @defaultValue `30_000`
   */
  sessionTimeoutInterval?: number;
  /**
   * The headers of every response.
   * @defaultValue none
   */
  headers?: Record<string, string>;
}

/** The option `transport` of the client: the options of BCSocket, without those that the library sets itself. */
export interface BrowserChannelClientTransport {
  /**
   * The `appVersion` of the server's session.
   * @defaultValue none
   */
  appVersion?: string;
  /**
   * The headers of every request; a page may not set all of them.
   * @defaultValue none
   */
  extraHeaders?: Record<string, string>;
  /**
   * Whether the connection ends with the first request that fails, instead of after two retries.
   * @defaultValue `false`
   */
  failFast?: boolean;
  /**
   * Whether cookies are sent to another origin.
   * @defaultValue `true`
   */
  crossDomainXhr?: boolean;
}
