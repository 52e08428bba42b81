import { explainingOtherTransformer } from '../../../client/platform/other-transformer.js';
import { sockjs } from '../../../transformers/sockjs/index.js';
import { Primus as Base, configure } from '../../client-node.js';

export * from '../../client-node.js';

/**
 * The client over SockJS: a WebSocket, or HTTP streaming and polling where that is blocked. It has the same exports as `primus-rx/client`.
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client/sockjs';
 *
 * const primus = new Primus('https://example.com');
 * primus.on('data', (data) => console.log(data));
 * ```
 */
export const Primus = configure({ ...Base.parts, transformer: explainingOtherTransformer(sockjs.client, sockjs.name) });
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Primus<In = any, Out = any> = import('../../../client/primus.js').Primus<In, Out>;
export { Primus as default };
