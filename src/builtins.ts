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
import type { ServerBuiltins } from './server/spark-class.js';

const require = createRequire(import.meta.url);
const home = dirname(require.resolve('primus-rx/package.json'));

/** The transformers, parsers and bundles that the package ships. No other module knows all of them. */
export const builtins: ServerBuiltins = {
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
        `The transformer '${name}' has no browser client. Use primus.Socket in this process, or another transformer for pages`,
      );
    }
    return readFileSync(join(home, 'dist/browser', `${bundle}${minified ? '.min' : ''}.js`), 'utf8');
  },
};
