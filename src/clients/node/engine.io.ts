import { explainingOtherTransformer } from '../../../client/platform/other-transformer.js';
import { engineIO } from '../../../transformers/engine.io/index.js';
import { Primus as Base, configure } from '../../client-node.js';

export * from '../../client-node.js';

/**
 * The client over Engine.IO: HTTP long-polling that upgrades to a WebSocket, or WebTransport, where the network allows it. It has the same exports as `primus-rx/client`.
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client/engine.io';
 *
 * const primus = new Primus('https://example.com');
 * primus.on('data', (data) => console.log(data));
 * ```
 */
export const Primus = configure({ ...Base.parts, transformer: explainingOtherTransformer(engineIO.client, engineIO.name) });
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Primus<In = any, Out = any> = import('../../../client/primus.js').Primus<In, Out>;
export { Primus as default };
