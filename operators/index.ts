export { type BackoffOptions, backoff, type Policy } from './backoff.js';
export { filterAsync } from './filter-async.js';
export { type HoldOptions, hold } from './hold.js';
export { type PulseOptions, pulse } from './pulse.js';
export { type Attempt, type ReconnectOptions, reconnect } from './reconnect.js';
export { type ThroughOptions, through } from './through.js';
export { type WatchdogOptions, watchdog } from './watchdog.js';
