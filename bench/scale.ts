/**
 * What growth costs: a node that joins, many agents on one server, and three servers on an etcd of three members against that etcd itself.
 * `npm run bench -- scale agents` runs one part alone.
 */
import { type Measured, measureParts, quantile } from './harness.ts';
import { measureAgents } from './scale/agents.ts';
import { measureJoin } from './scale/join.ts';
import { measureServers } from './scale/servers.ts';
import { measureTakeover } from './scale/takeover.ts';

const AGENTS = Number(process.env['POSTERN_BENCH_AGENTS'] ?? 500);

await measureParts({ join: measureJoin, servers: measureServers, takeover: measureTakeover, agents });

async function agents(): Promise<Measured> {
  const measured = await measureAgents(AGENTS);
  return {
    rows: measured.rows,
    figures: [
      { name: 'change-known-to-all', value: quantile(measured.delays, 0.99), unit: 'ms', goal: 1000 },
      { name: 'server-memory', value: measured.memory, unit: 'MB', goal: 600 },
    ],
  };
}
