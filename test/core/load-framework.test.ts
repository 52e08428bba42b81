import { describe, expect, it } from 'vitest';
import { lazy, loadFramework, type Require, within } from '../../src/core/load-framework.js';

const missing = (id: string): never => {
  throw Object.assign(new Error(`Cannot find module '${id}'`), { code: 'MODULE_NOT_FOUND' });
};

const home = '/app/node_modules/@some/thing';

/** A `require` of a world where one package is installed, of that version, and loads so. */
function world(version: string, load: (id: string) => unknown = (id) => ({ loaded: id })): Require {
  const manifests: Record<string, object> = {
    // One that marks a folder of modules, as packages have it.
    [`${home}/build/package.json`]: { type: 'module' },
    [`${home}/package.json`]: { name: '@some/thing', version },
    '/app/package.json': { name: 'app', version: '0.0.1' },
  };
  return Object.assign((id: string) => manifests[id] ?? (id.endsWith('/package.json') ? missing(id) : load(id)), {
    resolve: (id: string) => (id.startsWith('@some/thing') ? `${home}/build/index.js` : missing(id)),
  });
}

describe('loadFramework', () => {
  it('loads an installed package, whether or not it exports its package.json', () => {
    expect(loadFramework(world('1.6.1'), '@some/thing', '^1.6.0')).toEqual({ loaded: '@some/thing' });
  });

  it('loads a module of a package', () => {
    expect(loadFramework(world('1.6.1'), '@some/thing/dist/server.js', '^1.6.0')).toEqual({ loaded: '@some/thing/dist/server.js' });
  });

  it.each([
    ['thing', 'thing'],
    ['thing/dist/server.js', 'thing'],
    ['@other/thing/dist/server.js', '@other/thing'],
  ])('names the command that installs a missing package: %s', (module, name) => {
    expect(() => loadFramework(world('1.6.0'), module, '^1.6.0')).toThrow(
      expect.objectContaining({
        code: 'ERR_PRIMUS_MISSING',
        message: `The package '${name}' is not installed. Run: npm install ${name}@^1.6.0`,
      }),
    );
  });

  it('finds the version of a package that is installed under an alias', () => {
    const manifests: Record<string, object> = { '/app/node_modules/alias/package.json': { name: 'thing', version: '1.5.9' } };
    const require = Object.assign((id: string) => manifests[id] ?? missing(id), { resolve: () => '/app/node_modules/alias/index.js' });
    expect(() => loadFramework(require, 'alias', '^1.6.0')).toThrow(/package 'alias' must be \^1\.6\.0, got 1\.5\.9/);
  });

  it('names the source of a package that is not published under its name', () => {
    expect(() => loadFramework(world('1.6.0'), 'thing', '^1.6.0', 'someone/thing#v1.6.0')).toThrow(
      /\. Run: npm install someone\/thing#v1\.6\.0$/,
    );
  });

  it('rejects an unsupported version, and names the supported ones', () => {
    expect(() => loadFramework(world('1.5.9'), '@some/thing', '^1.6.0')).toThrow(
      expect.objectContaining({
        code: 'ERR_PRIMUS_MISSING',
        message: "The package '@some/thing' must be ^1.6.0, got 1.5.9. Run: npm install @some/thing@^1.6.0",
      }),
    );
  });

  it('distinguishes a broken package from a missing one', () => {
    expect(() => loadFramework(world('1.6.0', missing), '@some/thing', '^1.6.0')).toThrow(/is installed, but cannot be loaded/);
    const locked = Object.assign(missing, {
      resolve: () => {
        throw Object.assign(new Error('No exports'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
      },
    });
    expect(() => loadFramework(locked, 'thing', '^1.6.0')).toThrow(/is installed, but cannot be loaded: No exports/);
  });

  it('loads a package once, on first use, and tries again when that failed', () => {
    let made = 0;
    const get = lazy(() => {
      made++;
      if (made === 1) throw new Error('not yet');
      return made;
    });
    expect(made).toBe(0);
    expect(get).toThrow('not yet');
    expect([get(), get()]).toEqual([2, 2]);
  });

  it.each([
    ['^0.3.20', '0.3.20', true],
    ['^0.3.20', '0.3.24', true],
    ['^0.3.20', '0.3.19', false],
    ['^0.3.20', '0.4.0', false],
    ['^0.3.20', '1.3.24', false],
    ['^1.6.0', '1.6.0', true],
    ['^1.6.0', '1.10.0', true],
    ['^1.6.0', '1.5.99', false],
    ['^1.6.0', '2.0.0', false],
    ['^1.6.0', '1.7.0-beta.1', false],
    ['^1.6.0', 'x', false],
    ['^1.6.0-0', '1.6.0-beta.1', true],
    ['^1.6.0-0', '1.6.0', true],
    ['^1.6.0-0', '1.5.9-beta.1', false],
  ])('%s and %s: %s', (range, version, expected) => {
    expect(within(range, version)).toBe(expected);
  });
});
