export { memory } from './cluster/backplanes/memory.js';
export type { Backplane, Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from './cluster/bus.js';
