import { asyncScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClientConnection, type ConnectionClient } from '../../client/connection.js';
import { Emitter } from '../../client/emitter.js';
import { MessageTransformers } from '../../src/core/message-transformers.js';
import { json } from '../../src/parsers/json.js';

/** A client whose `emit` a plugin replaced with one that throws. */
class Client extends Emitter implements ConnectionClient {
  readonly parser = json;
  readonly transformers = new MessageTransformers();
  readonly options = { queueSize: 1, queueBytes: 1000, queueTtl: Infinity, queueDrop: 'oldest' } as const;
  readonly buffer: unknown[] = [];
  readonly state = { name: 'open' };
  readonly received: unknown[] = [];

  override emit(event: string, ...args: unknown[]): boolean {
    if (args[0] === 'bad') throw new Error('broken');
    this.received.push([event, args[0]]);
    return true;
  }

  _write(): boolean {
    return false;
  }
}

describe('ClientConnection', () => {
  it('delivers messages behind one for which the `emit` of a plugin throws', () => {
    const client = new Client();
    const connection = new ClientConnection(client, asyncScheduler, () => {});
    expect(() => connection.receive('"bad"')).toThrow('broken');
    connection.receive('"good"');
    expect(client.received).toEqual([['data', 'good']]);
  });
});
