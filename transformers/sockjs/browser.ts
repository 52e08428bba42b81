// The ways that today's browsers go; the others are for those that cannot run the rest of this bundle.
import make from 'sockjs-client/lib/main.js';
import eventSource from 'sockjs-client/lib/transport/eventsource.js';
import websocket from 'sockjs-client/lib/transport/websocket.js';
import xhrPolling from 'sockjs-client/lib/transport/xhr-polling.js';
import xhrStreaming from 'sockjs-client/lib/transport/xhr-streaming.js';
import { browser } from '../../client/platform/browser.js';
import { configure as configureClient, type Primus } from '../../client/primus.js';
import type { Configuration } from '../../src/core/configuration.js';
import { json } from '../../src/parsers/json.js';
import { client } from './client.js';

const SockJS = make([websocket, xhrStreaming, eventSource, xhrPolling]);

/** The entry of the served bundle. */
export function configure(configuration: Configuration): typeof Primus {
  return configureClient({ transformer: client(() => SockJS), parser: json, platform: browser }, configuration);
}
