/**
 * The firewalls of nodes: how long it takes until what a Service exposes is let in, with a thousand others there.
 * `npm run bench -- firewall [nftables|iptables|firewalld]... [--check]`: all of them, or only some.
 */
import type { Seen, Task } from './firewall/real.ts';
import { type Measured, measureParts, quantile } from './harness.ts';
import { inNamespace } from './proxy/namespace.ts';

const SERVICES = 1000;
/** Milliseconds. */
const GOALS = { nftables: 20, iptables: 200, firewalld: 200 } as const;

function measure(firewall: Task['firewall'], changes: number): Measured {
  const task: Task = { firewall, services: SERVICES, changes };
  const { load, again, opened, closed, idle } = inNamespace<Seen>(new URL('firewall/real.ts', import.meta.url), task);
  const beside = `${firewall}, ${SERVICES} Services`;
  return {
    rows: [
      { what: `first load, ${beside}`, unit: 'ms', samples: [load] },
      { what: `another run finds it, ${beside}`, unit: 'ms', samples: [again] },
      { what: `Service created to port open, ${beside}`, unit: 'ms', samples: opened },
      { what: `Service deleted to port closed, ${beside}`, unit: 'ms', samples: closed },
      { what: `of a core while nothing changes, ${beside}`, unit: '%', samples: [idle] },
    ],
    figures: [
      { name: `${firewall} open p99`, value: quantile(opened, 0.99), unit: 'ms', goal: GOALS[firewall] },
      { name: `${firewall} first load`, value: load, unit: 'ms', goal: 2000 },
      { name: `${firewall} reconciliation`, value: again, unit: 'ms', goal: 2000 },
      { name: `${firewall} idle`, value: idle, unit: '%', goal: 0.1 },
    ],
  };
}

await measureParts({
  nftables: () => measure('nftables', 200),
  iptables: () => measure('iptables', 50),
  firewalld: () => measure('firewalld', 30),
});
