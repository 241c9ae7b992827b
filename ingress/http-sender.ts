import type { IncomingMessage } from 'node:http';
import type { Sender } from './examine.ts';
import { isLoopback } from './place.ts';

export type SenderOptions = {
  /** Whose `X-Tenant-Id` and `X-Forwarded-For` are believed. @default this machine alone */
  readonly trusts?: (address: string) => boolean;
};

/** Who sends a request: by its connection, and by its headers where the connection is trusted. */
export function senderOf(req: IncomingMessage, { trusts }: SenderOptions, gateway = false): Sender {
  const { headers } = req;
  const remote = req.socket.remoteAddress;
  const trusted = isLoopback(remote) || (remote !== undefined && trusts?.(remote) === true);
  const tenant = headers['x-tenant-id'];
  const user = headers['x-user-id'];
  return {
    tenant: trusted && typeof tenant === 'string' && tenant !== '' ? tenant : undefined,
    mayCreateTenants: trusted,
    address: trusted ? forwardedFor(headers['x-forwarded-for'], remote, trusts) : remote,
    source: 'http',
    actor: typeof user === 'string' && user !== '' ? user : 'anonymous',
    fallbackKind: gateway ? 'generic' : 'behaviour',
  };
}

/** The last address of the chain that was not written by somebody trusted. */
function forwardedFor(
  header: string | string[] | undefined,
  remote: string | undefined,
  trusts: SenderOptions['trusts'],
): string | undefined {
  if (header === undefined) return remote;
  const chain = String(header).split(',');
  for (let index = chain.length - 1; index >= 0; index--) {
    const address = chain[index]?.trim() ?? '';
    if (address !== '' && !isLoopback(address) && trusts?.(address) !== true) return address;
  }
  return remote;
}
