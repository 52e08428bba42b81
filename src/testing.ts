export type { Backplane } from './cluster/bus.js';
