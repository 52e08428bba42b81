// What inline code may take for granted: on a page of the client's, `primus` is a client.
import type {
  ClientOptions,
  CreateServerOptions,
  DestroyOptions,
  DrainOptions,
  Parser,
  ResumeOptions,
  Primus as Served,
  ServerOptions,
  Spark as ServerSpark,
} from 'primus-rx';
import type { Primus as PrimusClient } from 'primus-rx/client';
import type { ClusterOptions, Cluster as ServedCluster } from 'primus-rx/cluster';
import type { FlowOptions } from 'primus-rx/flow';
import type { WithRetryAfterOptions } from 'primus-rx/operators';
import type { RequestOptions } from 'primus-rx/request';
import type { BackplaneCase, HalfOpenOptions, TestWorldOptions } from 'primus-rx/testing';

/** The public members alone: classes have private ones, which no other type has. */
type Public<T> = { [Name in keyof T]: T[Name] };

/** The options by name alone: plugins have others. */
type Named<T> = { [Name in keyof T as string extends Name ? never : Name]?: T[Name] };

/** Settings of engines and frameworks, and a header. */
interface Foreign {
  maxReconnectAttempts?: number;
  storage?: string;
  sync_interval?: string;
  transports?: readonly string[];
  Connection?: unknown;
}

/** Everything that may be an option with a value in a sentence. */
type Setting =
  | Named<ServerOptions>
  | Named<CreateServerOptions>
  | Named<ClientOptions>
  | Named<ResumeOptions>
  | Named<DestroyOptions>
  | Named<DrainOptions>
  | Named<ClusterOptions>
  | Named<FlowOptions>
  | Named<RequestOptions>
  | Named<WithRetryAfterOptions>
  | Named<TestWorldOptions>
  | Named<HalfOpenOptions>
  | Named<BackplaneCase>
  | Named<Parser>
  | Foreign;

declare global {
  const Primus: typeof Served & typeof PrimusClient;
  const primus: Public<Served> & Public<PrimusClient>;
  const spark: ServerSpark;
  const client: PrimusClient;
  const cluster: ServedCluster;
  const world: ReturnType<typeof import('primus-rx/testing').createTestWorld>;
  const flow: typeof import('primus-rx/flow').flow;
  const requests: typeof import('primus-rx/request').requests;
  const channels: typeof import('primus-rx/channels').channels;
  const contract: typeof import('primus-rx/contract').contract;
  const withContract: typeof import('primus-rx/contract').withContract;
  const createTestWorld: typeof import('primus-rx/testing').createTestWorld;
  const { interactive, exponential, fullJitter, equalJitter, decorrelatedJitter, constant }: typeof import('primus-rx/operators');
  const { composePolicy, withRetryAfter, untilStable, stopOn }: typeof import('primus-rx/operators');
  const { clustered, redis, nats, roomsAdapter }: typeof import('primus-rx/cluster');
  /** The options that a sentence may name with a value. */
  function settings(options: Setting): void;
}
