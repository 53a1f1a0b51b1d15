/** What the machine says about itself as a node. */
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { UserError } from '../errors.ts';
import { chooseInterface, defaultRouteDevice, type NodeInterface } from './node-addresses.ts';

/** The machine's host name in the form a Node's name has: lower case, RFC 1123. */
export function thisNodeName(): string {
  return (
    hostname()
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, '-')
      .replace(/^[-.]+|[-.]+$/g, '') || 'node'
  );
}

/** The LAN interface and addresses of this machine, or those of the named interface. */
export async function thisNodeInterface(name: string | undefined): Promise<NodeInterface> {
  const interfaces = networkInterfaces();
  if (name !== undefined) {
    const chosen = chooseInterface({ [name]: interfaces[name] }, name);
    if (chosen !== undefined) return chosen;
    const found = Object.keys(interfaces).join(', ');
    throw new UserError(
      `interface ${name} has no usable address`,
      `Interfaces with addresses here: ${found}. Give one with --interface.`,
    );
  }
  const chosen = chooseInterface(interfaces, defaultRouteDevice(await readFile('/proc/net/route', 'utf8')));
  if (chosen === undefined) {
    throw new UserError(
      'this machine has no network interface with an address besides loopback',
      'Bring one up, or name it with --interface.',
    );
  }
  return chosen;
}
