/** The parameters that are the framework's own: an address cannot have them, and each is given once. */
export const PARAMETERS = ['VER', 'MODE', 'TYPE', 'SID', 'RID', 'AID', 'CI', 'CVER', 'OSID', 'OAID'];

/** `transport` on the server: options of browserchannel, but for those the library sets itself. */
export interface BrowserChannelServerTransport {
  /** Names to put before the host's: each client gets one of them, and asks there. Default none. */
  hostPrefixes?: string[];
  /** How often the framework itself shows life, in ms. Default 20,000. */
  keepAliveInterval?: number;
  /** How long a client may be away before the connection is over, in ms. Default 30,000. */
  sessionTimeoutInterval?: number;
  /** Headers of every answer. */
  headers?: Record<string, string>;
}

/** `transport` in the client: options of BCSocket, but for those that follow from the address or are the library's business. */
export interface BrowserChannelClientTransport {
  /** What the server's session tells as `appVersion`. */
  appVersion?: string;
  /** Headers of every request; in a page, as far as it may set them. */
  extraHeaders?: Record<string, string>;
  /** Whether a request that fails is not tried again, at most twice, before the connection is given up. Default false. */
  failFast?: boolean;
  /** Whether cookies go to another origin. Default true. */
  crossDomainXhr?: boolean;
}
