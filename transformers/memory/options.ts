import type { MemoryNetwork } from './network.js';

/** `transport` of both ends: the network they meet in. Default: one for the whole process. */
export interface MemoryTransport {
  /** Where both ends meet. */
  network?: MemoryNetwork;
}
