// The contract against firewalld: run alone in fresh namespaces by firewalld.test.ts.
import { silentLogger } from '../../host/log.ts';
import type { FirewallBackend } from '../backend.ts';
import { firewallContract } from '../contract.ts';
import { openFirewalld } from './firewalld.ts';
import { dumpFirewalld, FirewalldHost, firewallCmd } from './testing/host.ts';

const host = new FirewalldHost();
const runs = new Map<FirewallBackend, AbortController>();

function open(): FirewallBackend {
  const run = new AbortController();
  const backend = openFirewalld({ interfaces: ['lan0'], log: silentLogger, signal: run.signal });
  runs.set(backend, run);
  return backend;
}

firewallContract('firewalld', {
  setUp: () => host.start(),
  tearDown: async () => {
    for (const run of runs.values()) run.abort();
    await host.stop();
  },
  open: async () => open(),
  abandon: async (backend) => runs.get(backend)?.abort(),
  dump: dumpFirewalld,
  strangers: async () => {
    firewallCmd(
      ...['--zone=public', '--add-rich-rule=rule family="ipv4" source address="203.0.113.0/24" drop'],
      '--add-rich-rule=rule priority="31952" family="ipv4" source address="203.0.113.0/24" log prefix="mine" accept',
    );
    firewallCmd('--permanent', '--zone=public', '--add-rich-rule=rule priority="100" service name="ftp" reject');
    firewallCmd('--zone=work', '--add-port=9999/tcp');
  },
  damages: {
    'the administrator removes a rule': async () => {
      const [rule = ''] = firewallCmd('--zone=public', '--list-rich-rules').match(/^.*30080.*$/m) ?? [];
      firewallCmd('--zone=public', `--remove-rich-rule=${rule}`);
    },
    'the interface is put into another zone': async () => {
      firewallCmd('--zone=internal', '--add-interface=lan0');
    },
    'and out of it': async () => {
      firewallCmd('--zone=internal', '--remove-interface=lan0');
    },
    'permanent rules are removed': async () => {
      const rules = firewallCmd('--permanent', '--zone=public', '--list-rich-rules').match(/^.*31952.*$/gm) ?? [];
      firewallCmd('--permanent', '--zone=public', ...rules.map((rule) => `--remove-rich-rule=${rule}`));
    },
  },
});
