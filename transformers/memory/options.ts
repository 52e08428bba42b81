import type { MemoryNetwork } from './network.js';

/** The option `transport` of server and client. */
export interface MemoryTransport {
  /**
   * The network that connects them.
   * @defaultValue one network for the whole process
   */
  network?: MemoryNetwork;
}
