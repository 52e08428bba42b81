import { node } from '../client/node.js';
import { configure } from '../client/primus.js';
import { client } from '../transformers/websockets/client.js';
import { json } from './parsers/json.js';

export type { ClientOptions, ClientParts } from '../client/options.js';
export type { Platform } from '../client/platform.js';
export type { ClientEvents } from '../client/events.js';
export { configure } from '../client/primus.js';
export type { ClientState, ReconnectAttempt, ReconnectEvent } from '../client/state.js';
export { node as platform } from '../client/node.js';
export { LinkError, PrimusError } from './core/errors.js';

/** The client over WebSockets with JSON. Another make: `configure`. */
export const Primus = configure({ transformer: client, parser: json, platform: node });
export type Primus<In = any, Out = any> = import('../client/primus.js').Primus<In, Out>;
export { Primus as default };
