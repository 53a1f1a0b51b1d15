/** Loads the same Services as `load.ts` in the layout of `chains.ts`, in this network namespace. See `namespace.ts`. */
import { openLibnftables } from '../../src/host/libnftables.ts';
import { nftProcess } from '../../src/host/nft-process.ts';
import { runCommand } from '../../src/host/process.ts';
import { desiredForwarding } from '../../src/proxy/forwarding/desired.ts';
import type { Frontend } from '../../src/proxy/forwarding/forwarding.ts';
import { chainScript } from './chains.ts';
import type { Load } from './load.ts';
import { input, output } from './namespace.ts';
import { objectsOf } from './objects.ts';

export interface LoadChains extends Omit<Load, 'changes' | 'mode'> {
  readonly by: 'library' | 'program';
}

/** Every frontend of the Services. */
function frontendsOf(load: LoadChains): readonly Frontend[] {
  return objectsOf(load).flatMap(([service, ...slices]) => [
    ...(desiredForwarding(service, slices, { name: 'node1' })?.frontends.values() ?? []),
  ]);
}

const load = input<LoadChains>();
const runner =
  load.by === 'library'
    ? await openLibnftables()
    : nftProcess((argv, options) => runCommand(argv, { ...options, timeout: 600_000 }));
const script = chainScript(frontendsOf(load));
const started = performance.now();
await runner.run(script);
output(performance.now() - started);
await runner.close();
