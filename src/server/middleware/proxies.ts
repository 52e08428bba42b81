import { BlockList, isIP } from 'node:net';
import { invalid } from '../../core/options.js';
import { listOf } from './origins.js';

/** Whether what the peer at this address says of the hop before it is believed; `hop` is 0 for the other end of the socket. */
export type Trust = (ip: string, hop: number) => boolean;

/** Who is trusted: addresses, networks and the names below; `true` everybody; a number so many hops; a function decides. */
export type TrustProxy = boolean | number | string | readonly string[] | Trust;

/** Networks that have a name. `unix`: a socket that has no address. */
const NAMES: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  unix: [],
};

/** `undefined` when nobody is trusted. */
export function trusts(option: unknown): Trust | undefined {
  if (option === undefined || option === null || option === false || option === 0) return undefined;
  if (option === true) return () => true;
  if (typeof option === 'function') return option as Trust;
  if (Number.isInteger(option) && (option as number) > 0) return (_ip, hop) => hop < (option as number);
  if (typeof option !== 'string' && !Array.isArray(option)) return odd(option);
  const entries = listOf(option);
  if (entries.length === 0) return undefined;
  const networks = new BlockList();
  for (const entry of entries.flatMap((name) => NAMES[name] ?? [name])) add(networks, entry);
  const unix = entries.includes('unix');
  return (ip) => {
    if (ip === '') return unix;
    // A zone says on which wire, not who.
    const address = ip.split('%', 1)[0] as string;
    const family = isIP(address);
    return family !== 0 && networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
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
