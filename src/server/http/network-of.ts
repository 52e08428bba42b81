/** The 16-bit groups of an IPv6 address, and those of the network that one customer of a provider usually gets: a /64. */
const GROUPS = 8;
const OF_NETWORK = 4;

/**
 * Returns what an address counts as where each address has a limit: itself, and for IPv6 its /64 network, from which one client may take
 * any number of addresses. An IPv4 address that is mapped to IPv6 is the IPv4 address.
 */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip;
  const [, v4] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip) ?? [];
  if (v4 !== undefined) return v4;
  const [left = '', right] = ip.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = right === undefined ? 0 : Math.max(0, GROUPS - left.length - right.length);
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...(right ?? [])];
  return `${groups
    .slice(0, OF_NETWORK)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
