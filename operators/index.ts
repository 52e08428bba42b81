export { type BackoffOptions, backoff, type Policy } from './backoff.js';
export { type BufferWhileOptions, bufferWhile } from './buffer-while.js';
export type { Duration } from './duration.js';
export { filterAsync } from './filter-async.js';
export { type MapInOrderOptions, mapInOrder } from './map-in-order.js';
export { type PulseOptions, pulse } from './pulse.js';
export { type Attempt, type ReconnectEvent, type ReconnectOptions, reconnect, values } from './reconnect.js';
export { type WatchdogOptions, watchdog } from './watchdog.js';
