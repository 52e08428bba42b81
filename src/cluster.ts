export { memory } from './cluster/backplanes/memory.js';
export {
  type NatsConnect,
  type NatsConnection,
  type NatsMessage,
  type NatsOptions,
  type NatsSettings,
  type NatsStreamOptions,
  type NatsSubscription,
  nats,
} from './cluster/backplanes/nats.js';
export type { Backplane, Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from './cluster/bus.js';
