import type { Parser } from '../../src/index.js';

/** Returns a parser of JSON whose encoder and decoder answer so many ms later. */
export function slowParser(ms: number, schedule: (run: () => void, ms: number) => unknown): Parser {
  return {
    encoder: (data, done) => void schedule(() => done(null, JSON.stringify(data)), ms),
    decoder: (frame, done) => void schedule(() => done(null, JSON.parse(String(frame))), ms),
  };
}
