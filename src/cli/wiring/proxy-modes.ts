/** The ways in which a proxy of this machine can program the kernel, and how each is ended. */
import { release } from 'node:os';
import { createLogger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { IptablesError } from '../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../netfilter/iptables/kernel.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { iptablesMode } from '../../proxy/iptables/iptables-mode.ts';
import { removeIptablesRules } from '../../proxy/iptables/remove.ts';
import { withLocalhost } from '../../proxy/localhost.ts';
import { type LocalityOptions, localitiesOf } from '../../proxy/locality.ts';
import type { Mode } from '../../proxy/mode.ts';
import { nftablesMode } from '../../proxy/nftables/nftables-mode.ts';
import { removeTrafficTables, withTraffic } from '../../proxy/nftables/traffic-table.ts';
import { UserError } from '../errors.ts';
import type { ModeName } from '../proxy-mode.ts';
import { kernelTooOld } from './kernel-version.ts';

/** What a proxy is started with. */
export interface OpenedModes {
  readonly mode: Mode;
  /** The others, of which an earlier run may have left rules. */
  readonly retired: readonly Pick<Mode, 'remove'>[];
}

/** Nobody's: for a mode that is only to remove what is there. */
const ANYWHERE: LocalityOptions = { podCIDRs: [], clusterCIDRs: [] };

/** Modes of the network namespace that the runner works in. Throws {@link UserError} when the machine lacks what one needs. */
export async function openModes(name: ModeName, locality: LocalityOptions, runner: NftRunner): Promise<OpenedModes> {
  const localhost = locality.localhostNodePorts ?? false;
  if (name !== 'nftables') {
    const mode = withTraffic(await openIptablesMode(name, locality), kernelNetfilter(runner), createLogger('proxy'));
    return { mode: withLocalhost(mode, localhost), retired: [openNftablesMode(runner, ANYWHERE)] };
  }
  const needs = kernelTooOld(release());
  if (needs !== undefined) throw new UserError(needs, 'On this machine: --mode iptables');
  return {
    mode: withLocalhost(openNftablesMode(runner, locality), localhost),
    retired: [{ remove: () => removeIptablesMode(runner) }],
  };
}

/** Removes all that a proxy left in the runner's network namespace, in any mode. */
export async function cleanupProxy(runner: NftRunner): Promise<void> {
  await withLocalhost(openNftablesMode(runner, ANYWHERE), false).remove();
  await removeIptablesMode(runner);
}

async function removeIptablesMode(runner: NftRunner): Promise<void> {
  await removeIptablesRules();
  await removeTrafficTables(kernelNetfilter(runner));
}

function openNftablesMode(runner: NftRunner, locality: LocalityOptions): Mode {
  return nftablesMode({ netfilter: kernelNetfilter(runner), localities: localitiesOf(locality) });
}

async function openIptablesMode(name: Exclude<ModeName, 'nftables'>, locality: LocalityOptions): Promise<Mode> {
  const variant = name === 'iptables' ? undefined : name === 'iptables-nft' ? 'nft' : 'legacy';
  try {
    const [iptables, ...others] = await openIptables(variant === undefined ? {} : { variant });
    return iptablesMode({ iptables, others, localities: localitiesOf(locality) });
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    throw new UserError(error.message, 'Install: apt-get install -y iptables. Or use --mode nftables.', {
      cause: error,
    });
  }
}
