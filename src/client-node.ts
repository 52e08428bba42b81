import type { ClientParts } from '../client/options.js';
import { node } from '../client/platform/node.js';
import { explainingOtherTransformer } from '../client/platform/other-transformer.js';
import { pluggable } from '../client/plugins.js';
import { configure as make } from '../client/primus.js';
import { resumable } from '../client/resume.js';
import { client } from '../transformers/websockets/client.js';
import { legacyNodeClient } from './compat/node.js';
import { assume, type ClientConfiguration } from './core/configuration.js';
import { type LegacyNodeClientClass, type NodeClient, withStreams } from './node-client.js';
import { json } from './parsers/json.js';
import { loadedPlugins } from './server/plugins.js';

export { withCloseReasons } from '../client/close-reasons.js';
export type { Credentials, PerAttempt } from '../client/credentials.js';
export type { ClientEvents } from '../client/events.js';
export type { ClientOptions, ClientParts, ReadyOptions } from '../client/options.js';
export { node as platform } from '../client/platform/node.js';
export type { Platform } from '../client/platform/platform.js';
export { type Resume, resumable } from '../client/resume.js';
export type { ClientState, ReconnectAttempt, ReconnectEvent } from '../client/state.js';
export { LinkError, PrimusError } from './core/errors.js';
export type { Fresh, Gap, GapReason, Resumed } from './core/session-words.js';

/**
 * Creates a class of clients with another transformer, parser, platform or pathname.
 *
 * @example
 * ```ts
 * import { configure, Primus } from 'primus-rx/client';
 *
 * const Client = configure(Primus.parts, { pathname: '/live' });
 * const primus = new Client('https://example.com');
 * ```
 */
export function configure(parts: ClientParts, configuration: Partial<ClientConfiguration> = {}): LegacyNodeClientClass {
  parts.transformer.load?.();
  return legacyNodeClient(withStreams(pluggable(make(parts, assume(configuration)), loadedPlugins))) as unknown as LegacyNodeClientClass;
}

/**
 * The client over WebSockets with JSON. For other parts see `configure`.
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client';
 *
 * const primus = new Primus('https://example.com');
 * primus.on('data', (data) => console.log(data));
 * ```
 */
export const Primus = configure({
  transformer: explainingOtherTransformer(client, 'websockets'),
  parser: json,
  platform: node,
  session: resumable,
});
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Primus<In = any, Out = any> = NodeClient<In, Out>;
export { Primus as default };
