export type { Addressees } from './cluster/addressees.js';
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
export { type RedisOptions, redis } from './cluster/backplanes/redis.js';
export type { Backplane, Bus, BusContext, BusState, Delivery, Keep, Log, LogRead, Position } from './cluster/bus.js';
export type { ChannelAction, ChannelOptions } from './cluster/channel-options.js';
export { type Cluster, clustered, type Target } from './cluster/cluster.js';
export type { ClusterState, Loss } from './cluster/cluster-bus.js';
export type { ClusterOptions } from './cluster/options.js';
export type { Present } from './cluster/presence.js';
export type { Answer, AskOptions } from './cluster/questions.js';
export { type RoomsAdapter, roomsAdapter } from './cluster/rooms-adapter.js';
