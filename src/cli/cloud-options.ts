/** Which cloud is asked for load balancers, as `server`, `up` and `controllers` are told. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Duration } from '../lib/duration.ts';
import { printCIDR } from '../lib/ip.ts';
import { parseDuration, parsedOption, parsePrefixes } from './options.ts';

/** Who serves Services of type LoadBalancer that name no loadBalancerClass. */
export type DefaultLoadBalancer = 'layer2' | 'oci' | 'nobody';
const DEFAULTS: readonly DefaultLoadBalancer[] = ['layer2', 'oci', 'nobody'];

export interface CloudFlags {
  readonly cloudProvider?: 'oci';
  readonly cloudConfig?: string;
  readonly defaultLoadBalancer?: DefaultLoadBalancer;
  readonly clusterName?: string;
  /** Prefixes of those who may come to bare node ports. */
  readonly cloudNodePorts: readonly string[];
  readonly cloudSweep: Duration;
}

const NODE_PORTS = '0.0.0.0/0,::/0';
const SWEEP = '300s';

export function addCloudOptions(command: Command): Command {
  return command
    .addOption(new Option('--cloud-provider <name>', 'give Services load balancers of this cloud').choices(['oci']))
    .option('--cloud-config <file>', 'how to reach the cloud, as its own cloud controller manager is told')
    .addOption(
      new Option(
        '--default-load-balancer <who>',
        'who serves Services without a loadBalancerClass; default: who is alone; say it where layer2 and a cloud run',
      ).choices(DEFAULTS),
    )
    .addOption(
      new Option(
        '--cluster-name <name>',
        "tells this cluster's load balancers from others; default: the UID of kube-system",
      ).argParser(parseClusterName),
    )
    .addOption(
      parsedOption(
        '--cloud-node-ports <prefixes>',
        'who may come through the cloud to Services of type NodePort, or none',
        parseSources,
        NODE_PORTS,
      ),
    )
    .addOption(
      parsedOption('--cloud-sweep <time>', 'how often all is compared with what is at the cloud', parseSweep, SWEEP),
    );
}

/** The same flags, for another process of ours. */
export function cloudArgv(flags: CloudFlags): readonly string[] {
  const { cloudProvider, cloudConfig, defaultLoadBalancer, clusterName, cloudNodePorts, cloudSweep } = flags;
  return [
    ...(cloudProvider === undefined ? [] : ['--cloud-provider', cloudProvider]),
    ...(cloudConfig === undefined ? [] : ['--cloud-config', resolve(cloudConfig)]),
    ...(defaultLoadBalancer === undefined ? [] : ['--default-load-balancer', defaultLoadBalancer]),
    ...(clusterName === undefined ? [] : ['--cluster-name', clusterName]),
    ...['--cloud-node-ports', cloudNodePorts.join(',') || 'none', '--cloud-sweep', `${cloudSweep}ms`],
  ];
}

function parseSources(text: string): readonly string[] {
  return text === 'none' ? [] : parsePrefixes(text).map(printCIDR);
}

/** It goes into names and tags at the cloud. */
function parseClusterName(text: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It is 1 to 63 letters, digits, "-", "_" and ".", such as production-1.');
  }
  return text;
}

const SHORTEST_SWEEP = 10_000;

function parseSweep(text: string): Duration {
  const sweep = parseDuration(text);
  if (sweep < SHORTEST_SWEEP)
    throw new InvalidArgumentError('It is at least 10s: every look costs calls to the cloud.');
  return sweep;
}
