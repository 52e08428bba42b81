import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { browserchannel } from '../transformers/browserchannel/index.js';
import { engineIO } from '../transformers/engine.io/index.js';
import { faye } from '../transformers/faye/index.js';
import { memory } from '../transformers/memory/index.js';
import { socketIO } from '../transformers/socket.io/index.js';
import { sockjs } from '../transformers/sockjs/index.js';
import { uws } from '../transformers/uws/index.js';
import { websockets } from '../transformers/websockets/index.js';
import { legacySpark } from './compat/spark.js';
import { PrimusError } from './core/errors.js';
import type { Transformer } from './core/transformer.js';
import { parsers } from './parsers/index.js';
import type { Builtins } from './server/builtins.js';

const require = createRequire(import.meta.url);
const home = dirname(require.resolve('primus-rx/package.json'));

/** What the package ships: the one place that knows all of it. */
export const builtins: Builtins = {
  version: (require('primus-rx/package.json') as { version: string }).version,
  transformers: new Map(
    ([websockets, uws, engineIO, sockjs, faye, browserchannel, socketIO, memory] as unknown as Transformer[]).map((transformer) => [
      transformer.name,
      transformer,
    ]),
  ),
  parsers: parsers(require),
  spark: legacySpark,
  bundle({ name, bundle }, minified) {
    if (bundle === undefined) {
      throw new PrimusError(
        'ERR_PRIMUS_TRANSFORMER',
        `The transformer '${name}' has no client that could be served: in this process use primus.Socket, for pages another transformer`,
      );
    }
    return readFileSync(join(home, 'dist/browser', `${bundle}${minified ? '.min' : ''}.js`), 'utf8');
  },
};
