import { BCSocket } from 'browserchannel/dist/bcsocket-uncompressed.js';
import type { BCSocketConstructor } from './framework.js';

/** The build replaces this module by a bundle of it: the package is CommonJS, and evaluates what it receives. */
export const framework: BCSocketConstructor = BCSocket;
