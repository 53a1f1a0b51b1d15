/**
 * Brings a lab up and down in a directory, its nodes with a firewall if one is named, and prints what it saw: `lab.test.ts`
 * runs this as an ordinary user.
 */
import { runCommand } from '../host/process.ts';
import { fixtureCommands } from './lab.fixture.ts';
import { labDown, labExec, labUp } from './lab.ts';

const [dir = '', firewall] = process.argv.slice(2);
const status = await labUp({
  ...{ dir, nodes: 2, ipFamilies: ['IPv4', 'IPv6'], commands: fixtureCommands() },
  ...(firewall === 'firewalld' ? { nodeFirewall: firewall } : {}),
});
try {
  // Users and groups, a tap, a netfilter rule, the other family, and the API: what a lab's parts need.
  const script = `id -u; ip tuntap add tap0 mode tap && echo tap; nft add table inet x && nft list tables;
    ping -c1 -W2 fd00:77::2 > /dev/null && echo client; curl -sS ${status.server}
    ${firewall === 'firewalld' ? 'firewall-cmd --get-default-zone' : ''}`;
  const { argv, env } = labExec(dir, 'node1', ['sh', '-c', script]);
  const { stdout } = await runCommand(argv, { env });
  process.stdout.write(`uid ${process.getuid?.()}\n${stdout}`);
} finally {
  await labDown(dir);
}
