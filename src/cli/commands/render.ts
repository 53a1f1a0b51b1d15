/** `postern render`: the node proxy's rules for manifests, offline. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CIDR } from '../../lib/ip.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { addLocalityOptions, type LocalityFlags, localityOf } from '../locality-options.ts';
import { parseAddress, parseCIDRs, parsedOption } from '../options.ts';
import { DEFAULT_CLUSTER_CIDRS } from '../wiring/defaults.ts';

interface Flags extends LocalityFlags {
  readonly filename: readonly string[];
  readonly node: string;
  readonly mode: 'nftables' | 'iptables';
  readonly nodeIp?: readonly string[];
  readonly podCidr?: readonly CIDR[];
  readonly clusterCidr: readonly CIDR[];
}

export function addRenderCommand(postern: Command): void {
  const command = postern
    .command('render')
    .description('print the exact rules that manifests make on a node: no server, no kernel, no root')
    .requiredOption(
      '-f, --filename <file...>',
      'Services, EndpointSlices and Nodes as YAML or JSON; - is standard input',
    )
    .requiredOption('--node <name>', 'the node that the rules are for; its Node may be among the manifests')
    .addOption(
      new Option('--mode <mode>', 'how the kernel is programmed').choices(['nftables', 'iptables']).default('nftables'),
    )
    .option('--node-ip <address>', "where node ports are served; default: the Node's addresses", parseAddress)
    .option('--pod-cidr <cidrs>', "prefixes of the node's pods; default: those of the Node", parseCIDRs)
    .addOption(parsedOption('--cluster-cidr <cidrs>', 'prefixes of all pods', parseCIDRs, DEFAULT_CLUSTER_CIDRS))
    .addHelpText(
      'after',
      '\nExamples:\n  kubectl get services,endpointslices,nodes -A -o yaml | postern render -f - --node node1' +
        '\n  postern render -f services.yaml --node node1 --node-ip 192.0.2.11 | sudo nft --check -f -',
    )
    .action(async (flags: Flags) => {
      const [{ readManifests }, { render }, { primaryAddresses, podPrefixes, zoneOf }, { nodePortAddresses }] =
        await Promise.all([
          import('../render/manifests.ts'),
          import('../render/render.ts'),
          import('../wiring/proxy-node.ts'),
          import('../../proxy/locality.ts'),
        ]);
      const manifests = await readManifests(flags.filename);
      const node = manifests.nodes.find(({ metadata }) => metadata.name === flags.node);
      const locality = localityOf(flags);
      const primary = flags.nodeIp?.map(mustParseIP) ?? primaryAddresses(node);
      const rendered = {
        ...locality,
        name: flags.node,
        zone: zoneOf(node),
        addresses: nodePortAddresses({ within: [], primary, own: () => [], localhost: locality.localhostNodePorts }),
        alsoServed: primary.map(({ family }) => family),
        podCIDRs: flags.podCidr ?? podPrefixes(node),
        clusterCIDRs: flags.clusterCidr,
      };
      const { text, without } = await render(manifests, rendered, flags.mode);
      process.stdout.write(text);
      for (const service of without) {
        process.stderr.write(
          `service ${service}: no rules (headless, ExternalName, another proxy's, or without a cluster IP yet)\n`,
        );
      }
    });
  addLocalityOptions(command);
}
