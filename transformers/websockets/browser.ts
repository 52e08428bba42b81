import { browser } from '../../client/platform/browser.js';
import { configure as configureClient, type Primus } from '../../client/primus.js';
import type { Configuration } from '../../src/core/configuration.js';
import { json } from '../../src/parsers/json.js';
import { client } from './client.js';

/** The entry of the served bundle. */
export function configure(configuration: Configuration): typeof Primus {
  return configureClient({ transformer: client, parser: json, platform: browser }, configuration);
}
