/**
 * The firewall that a lab's nodes run: firewalld on a system bus of the node's own. Both are found where they are on any
 * machine, as a place has a /run of its own, and its /etc/firewalld is a folder of the lab: `firewall-cmd` needs no options.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../host/process.ts';
import { LabError } from './error.ts';
import { missingPrograms } from './privileges.ts';

/** What a lab's nodes may run. */
export type NodeFirewall = 'firewalld';

/** With the Debian package of each. */
const PROGRAMS = {
  firewalld: 'firewalld',
  'firewall-cmd': 'firewalld',
  'dbus-daemon': 'dbus',
  'dbus-send': 'dbus',
};
const SETTINGS = '/etc/firewalld';
const BUS_SOCKET = '/run/dbus/system_bus_socket';

/** Whoever looks for a bus in a place finds that place's own, whatever the user's environment says of the machine's. */
export const BUS_ENVIRONMENT = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${BUS_SOCKET}` } as const;

/** What is not let in on purpose is dropped, without an answer. Brings `drop`, which every firewalld has. */
const FIRST_SETTINGS = 'DefaultZone=drop\n';

/** A bus that starts nothing, and on which anyone may do anything: in a place everyone is its administrator. */
const BUS = `<busconfig>
  <type>system</type>
  <listen>unix:path=${BUS_SOCKET}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow user="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`;

/** One of the processes that make a node's firewall. */
export interface FirewallProcess {
  /** After the node's name: `bus`. */
  readonly name: string;
  /** Runs in the node, and prints `ready`. */
  readonly argv: readonly string[];
}

/** Throws a {@link LabError} with the remedy when this machine lacks what nodes are to run. */
export function checkNodeFirewall(folders?: readonly string[]): void {
  const missing = missingPrograms(PROGRAMS, folders);
  if (missing.programs.length > 0) {
    throw new LabError(
      `Nodes with firewalld need ${missing.programs.join(', ')}. Install: apt-get install -y --no-install-recommends ${missing.packages.join(' ')}
Where services start once they are installed it would filter this machine too: systemctl mask firewalld, before, keeps it from that.`,
    );
  }
  if (!existsSync(SETTINGS))
    throw new LabError(`${SETTINGS} is missing, over which nodes put their own. As root: mkdir ${SETTINGS}`);
}

/** Gives a place settings of firewalld of its own, kept in `dir`; those of an earlier lab stay. `enter` makes commands run there. */
export async function bindFirewallSettings(
  enter: (argv: readonly string[]) => readonly string[],
  dir: string,
): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const settings = join(dir, 'firewalld.conf');
  if (!existsSync(settings)) writeFileSync(settings, FIRST_SETTINGS, { mode: 0o600 });
  await runCommand(enter(['mount', '--bind', dir, SETTINGS]));
}

/** The processes of a node's firewall, in the order in which they start. */
export const FIREWALL_PROCESSES: readonly FirewallProcess[] = [
  {
    name: 'bus',
    argv: withReadyLine(
      `[ -S ${BUS_SOCKET} ]`,
      `mkdir -p /run/dbus; rm -f ${BUS_SOCKET}; printf %s '${BUS}' > /run/dbus/lab.conf`,
      'dbus-daemon --config-file=/run/dbus/lab.conf --nofork --nopidfile',
    ),
  },
  {
    name: 'firewalld',
    // It has its name on the bus before it has loaded its rules, and answers after that.
    argv: withReadyLine(
      `dbus-send --system --print-reply --reply-timeout=30000 --dest=org.fedoraproject.FirewallD1 \
/org/fedoraproject/FirewallD1 org.freedesktop.DBus.Properties.Get string:org.fedoraproject.FirewallD1 string:state \
2> /dev/null | grep -q RUNNING`,
      ':',
      'firewalld --nofork --nopid --log-target=console',
    ),
  },
];

/**
 * Becomes `program` after `preparation`, so that who ends the process ends the program, and says `ready` once `test`
 * succeeds. Who says it is no child of the program, which would not reap it.
 */
function withReadyLine(test: string, preparation: string, program: string): readonly string[] {
  const script = `
set -e
${preparation}
( ( until ${test}; do kill -0 $$ || exit; sleep 0.05; done; echo ready ) & )
exec ${program}
`;
  return ['sh', '-c', script];
}
