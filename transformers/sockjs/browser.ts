import { configureFor } from '../shared/browser/configure-for.js';
import { framework } from './client/browser-framework.js';
import { client } from './client.js';

/** The entry of the served bundle. */
export const configure = configureFor(client(() => framework));
