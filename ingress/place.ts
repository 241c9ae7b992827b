import ipaddr from 'ipaddr.js';

/** Where an address is, as far as it is known. */
export type Place = { readonly country?: string; readonly region?: string; readonly city?: string };

/**
 * Looks up where an address is, from memory. Undefined when it is not known, as for every private address.
 *
 * Implement it for a new source in one file; it must never throw and never wait.
 */
export type LookUpPlace = (ip: string) => Place | undefined;

/** What the ingress keeps of an address: its place, and the network that contains it. */
export type Whereabouts = { readonly place: Place | undefined; readonly ipPrefix: string | undefined };

/** Addresses come again and again, with every event of a sender. */
const REMEMBERED = 10_000;
const NOWHERE: Whereabouts = { place: undefined, ipPrefix: undefined };

/** Answers what is kept of an address, looking each up once as long as it is remembered. */
export function createWhereabouts(lookUpPlace: LookUpPlace): (address: string | undefined) => Whereabouts {
  const remembered = new Map<string, Whereabouts>();
  return (address) => {
    if (address === undefined || address === '') return NOWHERE;
    const known = remembered.get(address);
    if (known) return known;
    const ipPrefix = maskedNetwork(address);
    const found = ipPrefix === undefined ? NOWHERE : { place: lookUpPlace(address), ipPrefix };
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(address, found);
    return found;
  };
}

/** The network of an address, /24 for IPv4 and /48 for IPv6; undefined when the text is no address. */
export function maskedNetwork(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (!parsed) return undefined;
  const kept = parsed.kind() === 'ipv4' ? 3 : 6;
  const network = parsed.toByteArray().map((byte, index) => (index < kept ? byte : 0));
  return `${ipaddr.fromByteArray(network).toString()}/${kept * 8}`;
}

/** Whether an address is one that the whole internet can reach; only those have a place. */
export function isPublicAddress(address: string): boolean {
  return parseAddress(address)?.range() === 'unicast';
}

/** Whether the other end of a connection is this machine. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  if (address === '127.0.0.1' || address === '::1') return true;
  return parseAddress(address)?.range() === 'loopback';
}

/** The library takes `1` and `10.1` for addresses too; here an IPv4 address has four parts. */
function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const valid = address.includes(':')
    ? ipaddr.IPv6.isValid(address)
    : ipaddr.IPv4.isValidFourPartDecimal(address);
  return valid ? ipaddr.process(address) : undefined;
}
