import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { parse } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeTarget, type PrimusRequest, pathOf } from '../../src/server/http/request-target.js';

function requestFor(url: string): PrimusRequest {
  const request = new IncomingMessage(new Socket());
  request.url = url;
  describeTarget(request);
  return request as PrimusRequest;
}

describe('the target of a request', () => {
  it.each([
    '/primus',
    '/primus?token=abc',
    '/primus/x?a=1&a=2&b=%20c+d&c&d[e]=1&__proto__=5&%zz=1#h',
    'http://user:word@host:81/primus?token=abc#h',
    'http://host/primus/spec',
  ])('%s is parsed as Node.js parses it', (target) => {
    const { uri, query, originalUrl } = requestFor(target);
    expect({ ...uri }).toEqual({ ...parse(target, true) });
    expect(query).toBe(uri.query);
    expect(originalUrl).toBe(target);
  });

  it.each([
    '/primus?a=%',
    '//%@x/primus?a=1',
    '/\\%@x?a=1',
    'http://%@x/primus?a=1',
    'http://[/primus?a=1',
    'http://x:99999999/primus?a=1',
    '',
    '*',
  ])('%j does not throw', (target) => {
    const { uri, query } = requestFor(target);
    expect(Object.getPrototypeOf(query)).toBeNull();
    expect(query.a).toBe(target.includes('a=1') ? '1' : target.includes('a=%') ? '%' : undefined);
    expect(typeof uri.href).toBe('string');
  });

  it('can be assigned, which keeps the other properties', () => {
    const request = requestFor('/primus?a=1');
    request.query = { mine: 'yes' };
    expect(request.query).toEqual({ mine: 'yes' });
    expect(request.uri.query).toEqual({ a: '1' });
    request.query.more = 'too';
    expect(request.query).toEqual({ mine: 'yes', more: 'too' });
  });

  it('is listed with the own properties of the request, and computed once', () => {
    const request = requestFor('/primus?a=1');
    expect(Object.keys(request)).toEqual(expect.arrayContaining(['uri', 'query', 'originalUrl']));
    expect(request.uri).toBe(request.uri);
  });

  it('stays the original one when middleware changes the URL', () => {
    const request = requestFor('/primus?a=1');
    request.url = '/other?b=2';
    expect(request.query).toEqual({ a: '1' });
  });

  it.each([
    ['/a', '/a'],
    ['http://host', '/'],
    ['http://host?a', '/?a'],
    ['https://host/a/b?c', '/a/b?c'],
    ['HTTP://host/a', '/a'],
    ['//host/a', '//host/a'],
    ['*', '*'],
    ['ftp://host/a', 'ftp://host/a'],
  ])('%s has the path %s', (target, path) => {
    expect(pathOf(target)).toBe(path);
  });
});
