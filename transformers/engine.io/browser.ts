import { NodeXHR, Socket, WebSocket, WebTransport } from 'engine.io-client';
import { configureFor } from '../shared/browser/configure-for.js';
import { client } from './client.js';

/** The part that is used: the rest stays out of the bundle. */
const framework = { NodeXHR, Socket, WebSocket, WebTransport };

/** The entry of the served bundle. */
export const configure = configureFor(client(() => framework));
