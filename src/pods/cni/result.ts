/** What a plugin answers: https://www.cni.dev/docs/spec/#section-5-result-types */
import { bits, type IPAddress, printIP } from '../../lib/ip.ts';
import type { Port } from '../../network/pod-network.ts';
import type { CNIFailure } from './errors.ts';
import type { CNIVersion } from './request.ts';

/** What the plugin prints, and whether it says that it succeeded. */
export interface PluginAnswer {
  readonly ok: boolean;
  /** Undefined: nothing is printed. */
  readonly output?: object;
}

/** The port of a pod, for ADD. */
export function addResult(version: CNIVersion, port: Port, inside: { netns: string; ifname: string }): PluginAnswer {
  const output = {
    cniVersion: version,
    interfaces: [{ name: port.device }, { name: inside.ifname, mac: port.mac, sandbox: inside.netns }],
    ips: port.addresses.map((address, i) => ({
      // Told apart by their text since 1.0.0.
      ...(version === '1.0.0' ? {} : { version: address.family === 'IPv4' ? '4' : '6' }),
      address: `${printIP(address)}/${bits(address.family)}`,
      ...gatewayOf(port.gateways[i]),
      interface: 1,
    })),
    routes: port.gateways.map((gateway) => ({
      dst: gateway.family === 'IPv4' ? '0.0.0.0/0' : '::/0',
      gw: printIP(gateway),
    })),
    dns: {},
  };
  return { ok: true, output };
}

/** An error as the plugin prints it. */
export function failureResult(version: string, { code, msg, details }: CNIFailure): PluginAnswer {
  return { ok: false, output: { cniVersion: version, code, msg, ...(details === '' ? {} : { details }) } };
}

function gatewayOf(gateway: IPAddress | undefined): { readonly gateway?: string } {
  return gateway === undefined ? {} : { gateway: printIP(gateway) };
}
