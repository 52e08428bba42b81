import { NodeXHR, Socket, WebSocket, WebTransport } from 'engine.io-client';
import { configureFor } from '../shared/browser/configure-for.js';
import { client } from './client.js';

/** As in client/browser-framework.ts. From there, in another order of the modules, the bundle would compress worse. */
const framework = { NodeXHR, Socket, WebSocket, WebTransport };

/** The entry of the served bundle. */
export const configure = configureFor(client(() => framework));
