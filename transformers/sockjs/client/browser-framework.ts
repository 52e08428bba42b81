// The transports of today's browsers; the others are for browsers that cannot run the rest of this client.
import make from 'sockjs-client/lib/main.js';
import eventSource from 'sockjs-client/lib/transport/eventsource.js';
import websocket from 'sockjs-client/lib/transport/websocket.js';
import xhrPolling from 'sockjs-client/lib/transport/xhr-polling.js';
import xhrStreaming from 'sockjs-client/lib/transport/xhr-streaming.js';
import type { SockJSConstructor } from './framework.js';

/** The build replaces this module by a bundle of it: the package is CommonJS, and expects globals that only some bundlers provide. */
export const framework: SockJSConstructor = make([websocket, xhrStreaming, eventSource, xhrPolling]);
