// Who reaches what is enforced, with real packets. Runs alone in namespaces: see firewalld.test.ts.
import { openLibnftables } from '../../host/libnftables.ts';
import { silentLogger } from '../../host/log.ts';
import { enforceContract } from '../testing/enforce-contract.ts';
import { CLIENT } from '../testing/packets.ts';
import { openFirewalld } from './firewalld.ts';
import { FirewalldHost, firewallCmd } from './testing/host.ts';

const host = new FirewalldHost();
const ending = new AbortController();
const ports = ['--add-port=80/tcp', '--add-port=30080/tcp'];

enforceContract('firewalld', {
  setUp: async () => {
    await host.startAlone();
    firewallCmd('--zone=public', '--add-interface=lan');
    firewallCmd('--zone=trusted', '--add-interface=pods');
    // By a rule in one family, in the other by a zone of its own.
    const rule = (port: number) =>
      `--add-rich-rule=rule family="ipv4" source address="${CLIENT.IPv4}" port port="${port}" protocol="tcp" accept`;
    firewallCmd('--zone=public', rule(80), rule(30_080));
    firewallCmd('--zone=internal', ...ports);
    firewallCmd('--zone=internal', `--add-source=${CLIENT.IPv6}`);
  },
  open: async (clock) => {
    const nft = await openLibnftables();
    return openFirewalld({ interfaces: ['lan'], nft, clock, log: silentLogger, signal: ending.signal });
  },
  admitAll: {
    'another zone of the interface': {
      make: async () => void firewallCmd('--zone=internal', '--change-interface=lan'),
      undo: async () => void firewallCmd('--zone=public', '--change-interface=lan'),
    },
    ports: { make: async () => void firewallCmd('--zone=public', ...ports) },
  },
  table: 'postern-enforce-firewalld',
  tearDown: async () => {
    ending.abort();
    await host.stop();
  },
});
