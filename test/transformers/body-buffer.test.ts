import { describe, expect, it } from 'vitest';
import { FormDecoder, parseForm } from '../../transformers/browserchannel/server/form.js';
import { BodyBuffer } from '../../transformers/shared/server/body-buffer.js';

const MANY = 65_536;
const SIZE = 3_000_000;

/** Bytes that differ by their position. */
const bytes = Buffer.from(Uint8Array.from({ length: SIZE }, (_, index) => index % 251));

function collect(longest: number, step: number, from = bytes): BodyBuffer {
  const body = new BodyBuffer(longest);
  for (let at = 0; at < from.length; at += step) body.add(from.subarray(at, at + step));
  return body;
}

describe('BodyBuffer', () => {
  it.each([
    ['in one chunk', SIZE, SIZE],
    ['in many', SIZE, 60_001],
    ['of unknown length', Number.NaN, 60_001],
    ['that are more than was announced', 100_000, 60_001],
  ])('returns long bytes %s', (_, longest, step) => {
    const body = collect(longest, step);
    expect(body.length).toBe(SIZE);
    expect(body.bytes().equals(bytes)).toBe(true);
  });

  it.each([0, 1, MANY - 1, MANY, MANY + 1])('returns %d bytes', (size) => {
    const some = bytes.subarray(0, size);
    const body = collect(size, 1_000, some);
    expect(body.bytes().equals(some)).toBe(true);
  });

  it('gives the memory of long bytes back at once', () => {
    const body = collect(SIZE, 60_001);
    const { buffer } = body.bytes();
    expect(buffer.byteLength).toBeGreaterThanOrEqual(SIZE);
    body.release();
    expect(buffer.byteLength).toBe(0);
    expect(body.length).toBe(0);
  });
});

describe('FormDecoder', () => {
  const form = 'count=2&ofs=0&req0__S=a%3D%26%e2%82%ac+%2b=%zz%4&req1__S=%ff%fe%25&flag&=x&req2__S=%e';

  it.each([1, 2, 3, 7, form.length])('decodes a form in chunks of %d bytes', (step) => {
    const decoder = new FormDecoder();
    const decoded: Buffer[] = [];
    for (let at = 0; at < form.length; at += step) decoded.push(Buffer.from(decoder.decode(Buffer.from(form.slice(at, at + step)))));
    decoded.push(decoder.end());
    expect([...parseForm(Buffer.concat(decoded), 100)]).toEqual([
      ['count', '2'],
      ['ofs', '0'],
      ['req0__S', 'a=&€ +=%zz%4'],
      ['req1__S', '\ufffd\ufffd%'],
      ['flag', undefined],
      ['', 'x'],
      ['req2__S', '%e'],
    ]);
  });
});
