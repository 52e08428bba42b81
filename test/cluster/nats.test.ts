import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nats } from '../../src/cluster/backplanes/nats.js';
import { backplaneContract } from '../../src/testing.js';
import { type NatsServer, startNats } from '../support/nats-server.js';

let server: NatsServer;
beforeAll(async () => {
  server = await startNats();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A megabyte is the default limit of NATS. */
const tooLong = 1_048_577;

describe('the NATS backplane', () => {
  it.each(backplaneContract)('$name', async ({ run }) => {
    await expect(
      run(
        nats((settings) => connect({ ...settings, servers: server.url })),
        { tooLong },
      ),
    ).resolves.toBeUndefined();
  });
});

describe('the NATS backplane on a connection of the caller', () => {
  it.each(backplaneContract)('$name', async ({ run }) => {
    const connection = await connect({ servers: server.url });
    try {
      await expect(run(nats(connection), { tooLong })).resolves.toBeUndefined();
      expect(connection.isClosed()).toBe(false);
    } finally {
      await connection.close();
    }
  });
});
