import type { MemoryNetwork } from './network.js';

/** Option `transport` on both ends. */
export interface MemoryTransport {
  /**
   * The network that both ends are in.
   * @defaultValue one network for the whole process
   */
  network?: MemoryNetwork;
}
