import { createServer } from 'node:http';
import Module from 'node:module';
import { expect, it, vi } from 'vitest';
import { Primus } from '../../src/index.js';
import { event, serve } from '../support/serve.js';

type Load = (request: string, ...rest: unknown[]) => unknown;

const loader = Module as unknown as { _load: Load };

/** As if a package were not installed. */
function without(name: string) {
  const load = loader._load;
  return vi.spyOn(loader, '_load').mockImplementation((request, ...rest) => {
    if (request.split('/')[0] !== name) return load(request, ...rest);
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
  });
}

/** What a transformer whose framework is not there says. */
export function missing(transformer: string, onServer: string, onClient?: string, source = `${onServer}@`): void {
  it('names the command that installs its framework, when that is missing', () => {
    const spy = without(onServer);
    try {
      expect(() => new Primus(createServer(), { transformer })).toThrow(
        expect.objectContaining({ code: 'ERR_PRIMUS_MISSING', message: expect.stringContaining(`npm install ${source}`) }),
      );
    } finally {
      spy.mockRestore();
    }
  });

  it.skipIf(onClient === undefined)('names the command that installs the framework of its client, when that is missing', async () => {
    const { connect } = await serve({ transformer });
    const spy = without(onClient as string);
    try {
      const [error] = await event(connect({ strategy: false }), 'error');
      expect(error).toMatchObject({ code: 'ERR_PRIMUS_MISSING', message: expect.stringContaining(`npm install ${onClient}@`) });
    } finally {
      spy.mockRestore();
    }
  });
}
