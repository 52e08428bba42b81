import { Manager, NodeXHR, WebSocket, WebTransport } from 'socket.io-client';
import { configureFor } from '../shared/browser/configure-for.js';
import { client } from './client.js';

/** The part that is used: the rest stays out of the bundle. */
const framework = { Manager, NodeXHR, WebSocket, WebTransport };

/** The entry of the served bundle. */
export const configure = configureFor(client(() => framework));
