// The transports of today's browsers; the others are for browsers that cannot run the rest of this bundle.
import make from 'sockjs-client/lib/main.js';
import eventSource from 'sockjs-client/lib/transport/eventsource.js';
import websocket from 'sockjs-client/lib/transport/websocket.js';
import xhrPolling from 'sockjs-client/lib/transport/xhr-polling.js';
import xhrStreaming from 'sockjs-client/lib/transport/xhr-streaming.js';
import { configureFor } from '../shared/browser/configure-for.js';
import { client } from './client.js';

const SockJS = make([websocket, xhrStreaming, eventSource, xhrPolling]);

/** The entry of the served bundle. */
export const configure = configureFor(client(() => SockJS));
