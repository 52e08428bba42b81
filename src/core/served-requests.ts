/** The servers whose library has requests. */
const servers = new WeakSet<object>();

/** Adds `Primus.requests` to the library of a server. */
export function serveRequests(primus: object): void {
  servers.add(primus);
}

/** Whether the library of a server has requests. */
export function servesRequests(primus: object): boolean {
  return servers.has(primus);
}
