import { Manager, NodeXHR, WebSocket, WebTransport } from 'socket.io-client';
import { browser } from '../../client/platform/browser.js';
import { configure as configureClient, type Primus } from '../../client/primus.js';
import type { Configuration } from '../../src/core/configuration.js';
import { json } from '../../src/parsers/json.js';
import { client } from './client.js';

/** Only what is used: the rest stays out of the bundle. */
const framework = { Manager, NodeXHR, WebSocket, WebTransport };

/** The entry of the served bundle. */
export function configure(configuration: Configuration): typeof Primus {
  return configureClient({ transformer: client(() => framework), parser: json, platform: browser }, configuration);
}
