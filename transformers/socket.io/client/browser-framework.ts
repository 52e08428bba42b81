import { Manager, NodeXHR, WebSocket, WebTransport } from 'socket.io-client';

/** The part that is used: the rest stays out of the bundle. */
export const framework = { Manager, NodeXHR, WebSocket, WebTransport };
