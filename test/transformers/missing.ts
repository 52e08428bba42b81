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

function told(name: string, source = `${name}@^`) {
  return expect.objectContaining({
    code: 'ERR_PRIMUS_MISSING',
    message: expect.stringContaining(`'${name}' is not installed. Run: npm install ${source}`),
  });
}

/** What a transformer whose framework is not there says, on the server and for clients in Node. Comes before what loads the framework. */
export function missing(transformer: string, onServer: string, onClient?: string, source?: string): void {
  it('names the command that installs its framework, when that is missing', () => {
    without(onServer, () => expect(() => new Primus(createServer(), { transformer })).toThrow(told(onServer, source)));
  });

  it.skipIf(onClient === undefined)('refuses to make clients without their framework, and names the command that installs it', async () => {
    const { primus } = await serve({ transformer });
    const name = onClient as string;
    without(name, () => {
      expect(() => primus.Socket).toThrow(told(name));
      expect(() => Primus.createSocket({ transformer })).toThrow(told(name));
    });
  });
}
