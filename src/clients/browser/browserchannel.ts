import { browser } from '../../../client/platform/browser.js';
import { framework } from '../../../transformers/browserchannel/client/browser-framework.js';
import { client } from '../../../transformers/browserchannel/client.js';
import { configure } from '../../client-browser.js';
import { json } from '../../parsers/json.js';

export * from '../../client-browser.js';

/**
 * The client over BrowserChannel: one HTTP response that stays open, and requests beside it. It has the same exports as `primus-rx/client`.
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client/browserchannel';
 *
 * const primus = new Primus('https://example.com');
 * primus.on('data', (data) => console.log(data));
 * ```
 */
export const Primus = /* @__PURE__ */ configure({ transformer: /* @__PURE__ */ client(() => framework), parser: json, platform: browser });
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Primus<In = any, Out = any> = import('../../../client/primus.js').Primus<In, Out>;
export { Primus as default };
