/** `postern expose`: a Service for virtual machines, as `virtctl expose` makes it, or for pods. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { IPFamily } from '../../lib/ip.ts';
import { UserError } from '../errors.ts';
import { type ExposeOptions, exposingService, FAMILY_POLICIES, PROTOCOLS, SERVICE_TYPES } from '../expose/service.ts';
import { kubeconfigOption, namespaceOption, withClient } from '../kubeconfig.ts';
import { type OutputFormat, outputOption, parseAddress, parseFamilies } from '../options.ts';
import { print } from '../output.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly output: OutputFormat;
  readonly name?: string;
  readonly port?: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
  readonly portName?: string;
  readonly protocol?: NonNullable<ExposeOptions['protocol']>;
  readonly type: ExposeOptions['type'];
  readonly clusterIp?: string;
  readonly externalIp?: readonly string[];
  readonly ipFamily?: readonly IPFamily[];
  readonly ipFamilyPolicy?: NonNullable<ExposeOptions['ipFamilyPolicy']>;
}

const EXAMPLES = `
Examples:
  postern expose vm example-vm                                       every port that the machine declares
  postern expose vm example-vm --name web --port 80 --target-port 8080
  postern expose vm example-vm --name web --port 80 --type NodePort --node-port 30080
  postern expose vmi example-vm --name dns --port 53 --protocol UDP --ip-family-policy RequireDualStack
  postern expose deployment web                                      every port that its containers declare
  postern expose pod/example --port 80 --type LoadBalancer`;

export function addExposeCommand(postern: Command): void {
  postern
    .command('expose')
    .description(
      'make a Service for a virtual machine, an instance, a replica set of instances, a deployment, or a pod',
    )
    .argument('<type>', 'vm, vmi, vmirs, deployment, rs, rc or pod; or TYPE/NAME')
    .argument('[name]', 'which one')
    .addOption(kubeconfigOption())
    .addOption(namespaceOption())
    .option('--name <name>', 'name of the Service (default: the name of what is exposed)')
    .addOption(portOption('--port <port>', 'port of the Service (default: the ports that are declared)'))
    .option('--target-port <port>', 'port that is listened on, by number or name (default: --port)', parseTargetPort)
    .addOption(portOption('--node-port <port>', 'port on every node, for type NodePort and LoadBalancer'))
    .option('--port-name <name>', 'name of the port')
    .addOption(wordOption('--protocol <protocol>', 'protocol of the port (default: TCP)', PROTOCOLS))
    .addOption(wordOption('--type <type>', 'type of the Service', SERVICE_TYPES).default('ClusterIP'))
    .option('--cluster-ip <ip>', 'address of the Service in the cluster, or None for a headless one')
    .option('--external-ip <ip>', 'a further address, which others lead to the nodes; may be repeated', parseAddress)
    .option('--ip-family <families>', 'IPv4, IPv6, or both with the primary first: IPv4,IPv6', parseFamilies)
    .addOption(wordOption('--ip-family-policy <policy>', 'whether it has both families', FAMILY_POLICIES))
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(expose);
}

async function expose(typeOrBoth: string, nameGiven: string | undefined, flags: Flags): Promise<void> {
  const [{ Service }, { readSubject, subjectType }] = await Promise.all([
    import('../../api/core/v1/service.ts'),
    import('../expose/subject.ts'),
  ]);
  const { word, name } = readWhat(typeOrBoth, nameGiven);
  const type = subjectType(word);
  const { namespace, clusterIp, externalIp, ipFamily, output, kubeconfig, ...rest } = flags;
  const options: ExposeOptions = {
    ...rest,
    name: flags.name ?? name,
    ...(clusterIp === undefined ? {} : { clusterIP: clusterIp }),
    ...(externalIp === undefined ? {} : { externalIPs: externalIp }),
    ...(ipFamily === undefined ? {} : { ipFamilies: ipFamily }),
  };
  const created = await withClient(kubeconfig, async (client) => {
    const subject = await readSubject(client, type, { namespace, name });
    return client.create(Service, exposingService(subject, options));
  });
  await print(created, output, () => `Service ${options.name} successfully exposed for ${type} ${name}`);
}

/** `vm example` or `vm/example`. */
function readWhat(typeOrBoth: string, nameGiven: string | undefined) {
  const [word = '', after, ...more] = typeOrBoth.split('/');
  const name = after ?? nameGiven;
  if (!name || more.length > 0 || (after !== undefined && nameGiven !== undefined)) {
    throw new UserError('what is to be exposed has a type and a name', 'Write: postern expose vm NAME, or vm/NAME');
  }
  return { word, name };
}

function portOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => {
    const port = Number(text);
    if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
    throw new InvalidArgumentError('It is a port number from 1 to 65535.');
  });
}

function parseTargetPort(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** One of a few words, in whatever case, as the API writes it. */
function wordOption(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, `${description}: ${words.join(', ')}`).argParser((text) => {
    const word = words.find((each) => each.toLowerCase() === text.toLowerCase());
    if (word !== undefined) return word;
    throw new InvalidArgumentError(`Allowed are ${words.join(', ')}.`);
  });
}
