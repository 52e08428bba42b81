import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { Transformer } from '../../src/core/transformer.js';
import type { Framework } from './client/framework.js';
import { client } from './client.js';
import { server } from './server.js';

export type { BrowserChannelClientTransport, BrowserChannelServerTransport } from './options.js';

/** The client alone: the main entry of the package loads its server as well. */
const CLIENT = 'browserchannel/dist/node-bcsocket-uncompressed.js';

/**
 * BrowserChannel: one HTTP response that stays open, and requests beside it; in any browser and through any proxy.
 *
 * @example
 * import { browserchannel } from 'primus-rx/transformers/browserchannel';
 *
 * const primus = new Primus(server, { transformer: browserchannel });
 */
export const browserchannel = {
  name: 'browserchannel',
  bundle: 'browserchannel',
  server,
  client: client(() => loadFramework<Framework>(packageRequire, CLIENT, '^2.1.0').BCSocket),
} satisfies Transformer<never, never>;
