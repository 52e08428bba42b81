import { describe, expect, it } from 'vitest';
import { parseUrl, pathnameOf, printUrl, urlOptions } from '../../client/url.js';

const print = (address: string, { pathname = '/primus', speaks = 'ws' as 'ws' | 'http' } = {}) =>
  printUrl(urlOptions(parseUrl(address, 'https://page.example'), pathname, speaks, 'u1'));

describe('addresses', () => {
  it.each([
    ['http://localhost:8080', 'ws://localhost:8080/primus?_primuscb=u1'],
    ['https://example.com', 'wss://example.com/primus?_primuscb=u1'],
    ['ws://example.com', 'ws://example.com/primus?_primuscb=u1'],
    ['wss://example.com:8443', 'wss://example.com:8443/primus?_primuscb=u1'],
    ['HTTP://Example.com', 'ws://example.com/primus?_primuscb=u1'],
    ['localhost:8080', 'ws://localhost:8080/primus?_primuscb=u1'],
    ['example.com', 'ws://example.com/primus?_primuscb=u1'],
    ['//example.com:1', 'wss://example.com:1/primus?_primuscb=u1'],
    ['/app', 'wss://page.example/primus?_primuscb=u1'],
    ['?a=b', 'wss://page.example/primus?a=b&_primuscb=u1'],
    ['#hash', 'wss://page.example/primus?_primuscb=u1'],
    ['http://example.com:80', 'ws://example.com/primus?_primuscb=u1'],
    ['http://example.com/any/path?a=b&c=%20d#hash', 'ws://example.com/primus?a=b&c=%20d&_primuscb=u1'],
    ['http://user:p%40ss@example.com', 'ws://user:p%40ss@example.com/primus?_primuscb=u1'],
    ['http://user@example.com', 'ws://user@example.com/primus?_primuscb=u1'],
    ['http://[::1]:8080', 'ws://[::1]:8080/primus?_primuscb=u1'],
    ['[2001:db8::1]:80', 'ws://[2001:db8::1]/primus?_primuscb=u1'],
    ['127.0.0.1:1', 'ws://127.0.0.1:1/primus?_primuscb=u1'],
    ['ws+unix:///tmp/a.sock', 'ws+unix:///tmp/a.sock:/primus?_primuscb=u1'],
    ['ws+unix:///tmp/a.sock?a=b', 'ws+unix:///tmp/a.sock:/primus?a=b&_primuscb=u1'],
    ['ws+unix:/tmp/a.sock', 'ws+unix:///tmp/a.sock:/primus?_primuscb=u1'],
    ['ws+unix://tmp/a.sock', 'ws+unix:///tmp/a.sock:/primus?_primuscb=u1'],
    ['ws+unix:///tmp/a.sock:/primus', 'ws+unix:///tmp/a.sock:/primus?_primuscb=u1'],
  ])('%s becomes %s', (address, expected) => {
    expect(print(address)).toBe(expected);
  });

  it('of a framework that speaks HTTP stay HTTP', () => {
    expect(print('http://example.com', { speaks: 'http' })).toBe('http://example.com/primus?_primuscb=u1');
    expect(print('wss://example.com', { speaks: 'http' })).toBe('https://example.com/primus?_primuscb=u1');
  });

  it('have the parts that a listener of `outgoing::url` may change', () => {
    expect(urlOptions(parseUrl('https://user:pass@[::1]:8080/?a=b'), '/live', 'ws', 'u1')).toEqual({
      protocol: 'ws:',
      secure: true,
      auth: 'user:pass',
      host: '[::1]:8080',
      pathname: '/live',
      query: 'a=b&_primuscb=u1',
    });
    const options = urlOptions(parseUrl('http://example.com'), '/primus', 'ws', 'u1');
    Object.assign(options, { host: 'other:1', query: '', pathname: '/x', auth: 'me' });
    expect(printUrl(options)).toBe('ws://me@other:1/x');
    expect(printUrl({ ...options, secure: true })).toBe('wss://me@other:1/x');
    expect(printUrl({ ...options, protocol: 'wss:' })).toBe('wss://me@other:1/x');
    expect(printUrl({ ...options, query: null as never })).toBe('ws://me@other:1/x');
  });

  it('may be a URL', () => {
    expect(parseUrl(new URL('http://example.com/')).host).toBe('example.com');
  });

  it.each([undefined, null, '', 'http://', 'http://[', 'http://x:99999', 'ftp://x', 'file:///x', 'javascript:alert(1)', '://', {}, 'a b'])(
    'rejects %o, and says what is valid',
    (address) => {
      expect(() => parseUrl(address)).toThrow(
        expect.objectContaining({ code: 'ERR_PRIMUS_URL', message: expect.stringContaining('http://host:port') }),
      );
    },
  );
});

describe('the path of an address', () => {
  const path = (address: string, option?: string, page?: string) => pathnameOf(parseUrl(address, 'http://page'), option, '/assumed', page);

  it.each([
    ['http://example.com/app', '/app'],
    ['http://example.com/app/live/?a=b#hash', '/app/live'],
    ['example.com/app', '/app'],
    ['//example.com/app', '/app'],
    ['/app', '/app'],
    ['ws+unix:///tmp/a.sock:/app', '/app'],
  ])('%s is the pathname', (address, expected) => {
    expect(path(address)).toBe(expected);
  });

  it.each([
    'http://example.com',
    'http://example.com/?a=b',
    'http://example.com//',
    '?a=b',
    'ws+unix:///tmp/a.sock',
    'ws+unix:///tmp/a.sock:/',
  ])('%s has none: that of the option is used, or of the class', (address) => {
    expect(path(address)).toBe('/assumed');
    expect(path(address, 'live/')).toBe('/live');
  });

  it('takes precedence over the option `pathname`', () => {
    expect(path('http://example.com/app', '/live')).toBe('/app');
  });

  it('is not the path of the page that the client runs in', () => {
    const page = 'http://example.com/chat/room?id=1';
    expect(path(page, undefined, page)).toBe('/assumed');
    expect(path('http://example.com/other', undefined, page)).toBe('/other');
  });
});
