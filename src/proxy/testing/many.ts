/** Many Services at once, for benches and property tests. */
import type { KubeObject } from '../../api/meta/v1.ts';
import { service, slice } from './builders.ts';

export const ENDPOINTS_PER_SERVICE = 5;

/** The objects of the Service with this number: a cluster IP of each family, and endpoints of each. */
export function numbered(number: number, endpoints = ENDPOINTS_PER_SERVICE): readonly KubeObject[] {
  const name = `service-${number}`;
  const [high, low] = [number >> 8, number & 0xff];
  const hosts = Array.from({ length: endpoints }, (_, host) => host + 1);
  return [
    service(name, {
      clusterIPs: [`10.${96 + (high >> 8)}.${high & 0xff}.${low}`, `fd00:10:96::${number.toString(16)}`],
    }),
    slice(
      name,
      hosts.map((host) => `10.244.${number % 200}.${host}`),
      { addressType: 'IPv4' },
    ),
    slice(
      name,
      hosts.map((host) => `fd00:10:244:${number % 200}::${host}`),
      { addressType: 'IPv6' },
    ),
  ];
}
