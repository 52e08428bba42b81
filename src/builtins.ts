import { readFileSync } from 'node:fs';
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
import { packageRequire } from './core/package-require.js';
import type { Transformer } from './core/transformer.js';
import { parsers } from './parsers/index.js';
import type { ServerBuiltins } from './server/spark-class.js';

/** The version, which the CommonJS build has as a constant. */
declare const PRIMUS_RX_VERSION: string | undefined;

/** The transformers, parsers and bundles that the package ships. No other module knows all of them. */
export const builtins: ServerBuiltins = {
  version:
    typeof PRIMUS_RX_VERSION === 'string' ? PRIMUS_RX_VERSION : (packageRequire('primus-rx/package.json') as { version: string }).version,
  transformers: new Map(
    ([websockets, uws, engineIO, sockjs, faye, browserchannel, socketIO, memory] as unknown as Transformer[]).map((transformer) => [
      transformer.name,
      transformer,
    ]),
  ),
  parsers: parsers(packageRequire),
  spark: legacySpark,
  bundle({ name, bundle }, minified) {
    if (bundle === undefined) {
      throw new PrimusError(
        'ERR_PRIMUS_TRANSFORMER',
        `The transformer '${name}' has no browser client. Use primus.Socket in this process, or another transformer for pages`,
      );
    }
    return readFileSync(join(home(), 'dist/browser', `${bundle}${minified ? '.min' : ''}.js`), 'utf8');
  },
};

/** Returns the folder of this package. */
function home(): string {
  try {
    return dirname(packageRequire.resolve('primus-rx/package.json'));
  } catch (cause) {
    throw new PrimusError(
      'ERR_PRIMUS_MISSING',
      "The files of the client library are in the package 'primus-rx', which a bundled server needs in node_modules. Run: npm install primus-rx",
      { cause },
    );
  }
}
