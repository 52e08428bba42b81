/** Query parameters of the framework: an address cannot have them, and a request has each once. */
export const PARAMETERS = ['VER', 'MODE', 'TYPE', 'SID', 'RID', 'AID', 'CI', 'CVER', 'OSID', 'OAID'];

/** Option `transport` on the server: the options of browserchannel, without those that the library sets itself. */
export interface BrowserChannelServerTransport {
  /**
   * Prefixes of the host name: each client is given one of them, and sends its requests there.
   * @defaultValue none
   */
  hostPrefixes?: string[];
  /**
   * Interval of the framework's own heartbeat, in ms.
   * @defaultValue 20,000
   */
  keepAliveInterval?: number;
  /**
   * How long a client may be away before its connection ends, in ms.
   * @defaultValue 30,000
   */
  sessionTimeoutInterval?: number;
  /**
   * Headers of every response.
   * @defaultValue none
   */
  headers?: Record<string, string>;
}

/** Option `transport` in the client: the options of BCSocket, without those that the library sets itself. */
export interface BrowserChannelClientTransport {
  /**
   * The `appVersion` of the server's session.
   * @defaultValue none
   */
  appVersion?: string;
  /**
   * Headers of every request; a page may not set all of them.
   * @defaultValue none
   */
  extraHeaders?: Record<string, string>;
  /**
   * Whether the connection ends with the first request that fails, instead of after two retries.
   * @defaultValue false
   */
  failFast?: boolean;
  /**
   * Whether cookies are sent to another origin.
   * @defaultValue true
   */
  crossDomainXhr?: boolean;
}
