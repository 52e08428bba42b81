import type { ClientOptions } from '../../client/options.js';
import type { Primus as Client } from '../../client/primus.js';
import type { ReconnectAttempt } from '../../client/state.js';
import type { ReconnectSettings } from '../core/options.js';

export type { Spark } from '../server/spark.js';

/** A client, by the name that `@types/primus` has for it. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Socket<In = any, Out = any> = Client<In, Out>;

/** The options of a client, by the name that `@types/primus` has for them. */
export type SocketOptions = ClientOptions;

/** The option `reconnect`, by the name that `@types/primus` has for it. */
export type ReconnectOpts = ReconnectSettings;

/** The argument of the events of reconnection, by the name that `@types/primus` has for it. */
export type ReconnectEventOpts = ReconnectAttempt;
