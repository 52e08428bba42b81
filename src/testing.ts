export type { Backplane, Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from './cluster/bus.js';
export { type BackplaneCase, type BackplaneContractOptions, backplaneContract } from './cluster/testing/contract.js';
export type { FakeTimers } from './testing/fake-timers.js';
export type { CutOptions, FrameFilter, HalfOpenOptions, Sender, TestNetwork } from './testing/network.js';
export { createTestWorld, type RestartOptions, type Step, type TestWorld, type TestWorldOptions } from './testing/world.js';
