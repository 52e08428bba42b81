import type { SchedulerLike } from 'rxjs';

/** Whether a value is a server of this package. */
export function isServer(value: unknown): boolean {
  return (value as { host?: { registry?: unknown } } | null | undefined)?.host?.registry instanceof Object;
}

/** Whether a value is a client of this package. */
export function isClient(value: unknown): boolean {
  const client = Object(value) as Partial<Client>;
  return client.connection?.outbox !== undefined && client.constructor?.parts !== undefined;
}

/** Returns the clock of a client: that of its options, or of its platform. */
export function schedulerOf(client: object): SchedulerLike {
  const { options, constructor: Class } = client as Client;
  return options.scheduler ?? Class.parts.platform.scheduler;
}

/** A client, as far as its kind and its clock are concerned. */
interface Client {
  readonly connection: { readonly outbox?: unknown };
  readonly options: { readonly scheduler?: SchedulerLike };
  readonly constructor: { readonly parts: { readonly platform: { readonly scheduler: SchedulerLike } } };
}
