import { createServer } from 'node:http';
import Module from 'node:module';
import { expect, it, vi } from 'vitest';
import { Primus } from '../../src/index.js';
import { serve } from '../support/serve.js';

type Resolve = (request: string, ...rest: unknown[]) => string;

const resolver = Module as unknown as { _resolveFilename: Resolve };

/** Runs something as if a package were not installed. */
function without(name: string, run: () => void): void {
  const resolve = resolver._resolveFilename;
  const spy = vi.spyOn(resolver, '_resolveFilename').mockImplementation((request, ...rest) => {
    if (request.split('/')[0] !== name) return resolve(request, ...rest);
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
  });
  try {
    run();
  } finally {
    spy.mockRestore();
  }
}

function missingError(name: string, source = `${name}@^`) {
  return expect.objectContaining({
    code: 'ERR_PRIMUS_MISSING',
    message: expect.stringContaining(`'${name}' is not installed. Run: npm install ${source}`),
  });
}

/** A transformer without its framework throws, on the server and for clients in Node.js. Must run before tests that load the framework. */
export function missing(transformer: string, onServer: string, onClient?: string, source?: string): void {
  it('names the command that installs its missing framework', () => {
    without(onServer, () => expect(() => new Primus(createServer(), { transformer })).toThrow(missingError(onServer, source)));
  });

  it.skipIf(onClient === undefined)(
    'throws when a client is created without its framework, and names the command that installs it',
    async () => {
      const { primus } = await serve({ transformer });
      const name = onClient as string;
      without(name, () => {
        expect(() => primus.Socket).toThrow(missingError(name));
        expect(() => Primus.createSocket({ transformer })).toThrow(missingError(name));
      });
    },
  );
}
