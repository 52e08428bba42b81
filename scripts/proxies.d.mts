/** Why a proxy cannot be tested; `undefined` when it can. */
export function missingProxy(name: 'nginx' | 'haproxy'): string | undefined;
