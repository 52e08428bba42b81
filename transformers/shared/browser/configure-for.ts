import { browser } from '../../../client/platform/browser.js';
import type { Platform } from '../../../client/platform/platform.js';
import { configure, type Primus } from '../../../client/primus.js';
import type { Configuration } from '../../../src/core/configuration.js';
import type { ClientTransformer } from '../../../src/core/transformer.js';
import { json } from '../../../src/parsers/json.js';

/** Creates the `configure` that a served bundle exports, for the client of its transformer. */
export function configureFor(transformer: ClientTransformer<Platform>): (configuration: Configuration) => typeof Primus {
  return (configuration) => configure({ transformer, parser: json, platform: browser }, configuration);
}
