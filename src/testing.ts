export type { Backplane, Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from './cluster/bus.js';
export { type BackplaneCase, type BackplaneContractOptions, backplaneContract } from './cluster/testing/contract.js';
