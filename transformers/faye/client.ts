import type { Platform } from '../../client/platform/platform.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { dialWebSocket } from '../shared/client/websocket-link.js';

/** Connects with the native WebSocket in browsers, with ws in Node.js: on the wire as faye-websocket's own client. */
export const client: ClientTransformer<Platform> = { protocol: 'ws', connect: dialWebSocket };
