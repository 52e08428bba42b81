import { BlockList, isIP } from 'node:net';
import { isPromise } from '../../core/eventual.js';
import { invalid } from '../../core/options.js';
import { listOf } from './origins.js';

/** Returns whether the proxy at an address is trusted to name the hop before it; `hop` is 0 for the peer of the socket. */
export type Trust = (ip: string, hop: number) => boolean;

/** The trusted proxies: addresses, networks and named networks; `true` for all; a number of hops; or a function. */
export type TrustProxy = boolean | number | string | readonly string[] | Trust;

/** The named networks. `unix` is a socket without an address. */
const NAMES: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  unix: [],
};

/** The proxies that are trusted by default: those on the same machine or private network, which no stranger can connect from. */
const DEFAULT = 'loopback, linklocal, uniquelocal';

/**
 * Returns the function for the options of a server. An empty `whitelist`, its default in Primus 8, is no restriction.
 *
 * @throws ERR_PRIMUS_OPTION when `trustProxy` has the wrong type, or an entry is not an address or network
 */
export function trusted({ trustProxy, whitelist }: { readonly trustProxy?: unknown; readonly whitelist?: unknown }): Trust | undefined {
  return trusts(trustProxy ?? (listOf(whitelist).length > 0 ? whitelist : DEFAULT));
}

/**
 * Returns the function for an option `trustProxy`; `undefined` when no proxy is trusted.
 *
 * @throws ERR_PRIMUS_OPTION when the option has the wrong type, or an entry is not an address or network
 */
export function trusts(option: unknown): Trust | undefined {
  if (option === undefined || option === null || option === false || option === 0) return undefined;
  if (option === true) return () => true;
  if (typeof option === 'function') return synchronous(option as Trust);
  if (Number.isInteger(option) && (option as number) > 0) return (_ip, hop) => hop < (option as number);
  if (typeof option !== 'string' && !Array.isArray(option)) return odd(option);
  const entries = listOf(option);
  if (entries.length === 0) return undefined;
  const networks = new BlockList();
  for (const entry of entries.flatMap((name) => NAMES[name] ?? [name])) add(networks, entry);
  const unix = entries.includes('unix');
  return (ip) => {
    if (ip === '') return unix;
    // A zone names the network interface, not the peer.
    const address = ip.split('%', 1)[0] as string;
    const family = isIP(address);
    return family !== 0 && networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Returns a function that throws where `trust` answers with a promise, which would count as yes. */
function synchronous(trust: Trust): Trust {
  return (ip, hop) => {
    const answer: unknown = trust(ip, hop);
    if (!isPromise(answer)) return answer as boolean;
    answer.then(undefined, () => {});
    throw invalid('trustProxy', 'a function that returns a boolean', answer);
  };
}

function add(networks: BlockList, entry: string): void {
  const [, ip = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(ip);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || Number(bits ?? 0) > most) odd(entry);
  networks.addSubnet(ip, Number(bits ?? most), family === 4 ? 'ipv4' : 'ipv6');
}

function odd(value: unknown): never {
  throw invalid('trustProxy', "true, a number of hops, a function, or addresses and networks such as '10.0.0.0/8'", value);
}
