import { NodeXHR, Socket, WebSocket, WebTransport } from 'engine.io-client';

/** The part that is used: the rest stays out of the bundle. */
export const framework = { NodeXHR, Socket, WebSocket, WebTransport };
