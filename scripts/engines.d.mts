/** Why an engine cannot be tested; `undefined` when it can. */
export function missingEngine(name: 'redis-server' | 'nats-server'): string | undefined;
