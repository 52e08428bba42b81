import { describe, expect, it } from 'vitest';
import { framework, within } from '../../src/core/framework.js';

const missing = () => {
  throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
};

const installed = (version: string) => (module: string) => (module === 'thing/package.json' ? { version } : { loaded: module });

describe('framework', () => {
  it('hands over what is installed', () => {
    expect(framework(installed('1.6.1'), 'thing', '^1.6.0')).toEqual({ loaded: 'thing' });
  });

  it('names the command that installs what is missing', () => {
    expect(() => framework(missing, 'thing', '^1.6.0')).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_MISSING', message: expect.stringContaining('npm install thing@^1.6.0') }),
    );
  });

  it('names where to install from what is not published under its name', () => {
    expect(() => framework(missing, 'thing', '^1.6.0', 'someone/thing#v1.6.0')).toThrow(/; run: npm install someone\/thing#v1\.6\.0$/);
  });

  it('refuses a version that does not work, and says which does', () => {
    expect(() => framework(installed('1.5.9'), 'thing', '^1.6.0')).toThrow(
      expect.objectContaining({
        code: 'ERR_PRIMUS_MISSING',
        message: expect.stringMatching(/\^1\.6\.0, and 1\.5\.9 is installed.*npm install thing@\^1\.6\.0/),
      }),
    );
  });

  it('tells one that is broken from one that is missing', () => {
    const load = (module: string) => (module === 'thing/package.json' ? { version: '1.6.0' } : missing());
    expect(() => framework(load, 'thing', '^1.6.0')).toThrow(/installed but does not load/);
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
