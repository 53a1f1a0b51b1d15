/** Where the server keeps the objects, as options: in its own directory, or in an etcd. */
import { type Command, InvalidArgumentError, Option } from 'commander';

export interface StoreFlags {
  readonly store: (typeof ENGINES)[number];
  readonly etcdEndpoints?: readonly string[];
  readonly etcdCa?: string;
  readonly etcdCertificate?: string;
  readonly etcdKey?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFile?: string;
  readonly etcdPrefix?: string;
}

export const ENGINES = ['lmdb', 'etcd'] as const;

export function addStoreOptions(command: Command): Command {
  command.addOption(
    new Option('--store <engine>', 'where objects are kept: in --data-dir, or in an etcd')
      .choices(ENGINES)
      .default('lmdb'),
  );
  return addEtcdOptions(command);
}

/** Where an etcd is, for commands that know that it is one. */
export function addEtcdOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--etcd-endpoints <urls>', 'client URLs of all members, separated by commas').argParser(
        parseEndpoints,
      ),
    )
    .option('--etcd-ca <file>', 'PEM: the authority that the certificates of the members are from')
    .option('--etcd-certificate <file>', 'PEM: the certificate to show to etcd, with --etcd-key')
    .option('--etcd-key <file>', 'PEM: its key')
    .option('--etcd-user <name>', 'for an etcd with authentication, with --etcd-password-file')
    .option('--etcd-password-file <file>', 'the password in a file, alone')
    .addOption(
      new Option(
        '--etcd-prefix <path>',
        'what all keys begin with; the same at every server (default: /registry)',
      ).argParser(parsePrefix),
    );
}

function parsePrefix(text: string): string {
  if (!/^(\/[\w.-]+)+$/.test(text)) {
    throw new InvalidArgumentError('It is a path such as /registry: from a slash on, with none at its end.');
  }
  return text;
}

function parseEndpoints(text: string): readonly string[] {
  const endpoints = text.split(',').filter((endpoint) => endpoint !== '');
  const wrong = endpoints.find((endpoint) => !/^https?:\/\/[^/]+:\d+\/?$/.test(endpoint));
  if (wrong !== undefined || endpoints.length === 0) {
    throw new InvalidArgumentError(`${JSON.stringify(wrong ?? text)} is not a URL such as https://10.0.0.1:2379.`);
  }
  return endpoints;
}
