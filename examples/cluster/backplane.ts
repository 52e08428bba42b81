import { type Backplane, nats, redis } from 'primus-rx/cluster';

/** Connects to the engine of an address: `redis://…` or `nats://…`. */
export async function backplaneOf(address: string): Promise<Backplane> {
  if (address.startsWith('nats:')) {
    const { connect } = await import('@nats-io/transport-node');
    return nats((settings) => connect({ ...settings, servers: address }), { stream: { storage: 'memory' } });
  }
  const { createClient } = await import('redis');
  return redis(createClient({ url: address }));
}
