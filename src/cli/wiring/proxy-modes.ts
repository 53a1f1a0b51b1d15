/** The ways in which a proxy of this machine can program the kernel, and how each is ended. */
import { release } from 'node:os';
import { createLogger, type Logger } from '../../host/log.ts';
import { NetlinkError } from '../../host/netlink-dump.ts';
import type { NftRunner } from '../../host/nft.ts';
import { countRules } from '../../host/nft-rules.ts';
import { NftMissing, openNft } from '../../host/open-nft.ts';
import { IptablesError } from '../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../netfilter/iptables/kernel.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { iptablesMode } from '../../proxy/iptables/iptables-mode.ts';
import { removeIptablesRules } from '../../proxy/iptables/remove.ts';
import { closeLocalhost, withLocalhost } from '../../proxy/localhost.ts';
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

/**
 * For what can do without: undefined where neither programs nor kernel have nftables, as on old machines with iptables.
 * `without` says what is not done then, for the log.
 */
export async function openNftIfAny(
  log: Logger,
  without = 'traffic is not counted, and what another mode left is not looked for',
): Promise<NftRunner | undefined> {
  try {
    const runner = await openNft({ log });
    await countRules('ip', 'any');
    return runner;
  } catch (err) {
    // What a kernel answers that has never heard of them.
    const isNone = err instanceof NftMissing || (err instanceof NetlinkError && UNKNOWN.includes(err.code));
    if (!isNone) throw err;
    log.warn({ err }, `without nftables, ${without}`);
    return undefined;
  }
}

const UNKNOWN: readonly string[] = ['EINVAL', 'EOPNOTSUPP', 'EPROTONOSUPPORT'];

/** Nobody's: for a mode that is only to remove what is there. */
const ANYWHERE: LocalityOptions = { podCIDRs: [], clusterCIDRs: [] };

/**
 * Modes of the network namespace that the runner works in; without one, nftables are neither used nor looked for. Throws
 * {@link UserError} when the machine lacks what the mode needs.
 */
export async function openModes(
  name: ModeName,
  locality: LocalityOptions,
  runner: NftRunner | undefined,
): Promise<OpenedModes> {
  const localhost = locality.localhostNodePorts ?? false;
  if (name !== 'nftables') {
    const mode = await openIptablesMode(name, locality);
    if (runner === undefined) return { mode: withLocalhost(mode, localhost), retired: [] };
    const counting = withTraffic(mode, kernelNetfilter(runner), createLogger('proxy'));
    return { mode: withLocalhost(counting, localhost), retired: [openNftablesMode(runner, ANYWHERE)] };
  }
  const needs = kernelTooOld(release());
  if (needs !== undefined) throw new UserError(needs, 'On this machine: --mode iptables');
  if (runner === undefined) throw new UserError('the mode nftables needs nftables', 'On this machine: --mode iptables');
  return {
    mode: withLocalhost(openNftablesMode(runner, locality), localhost),
    retired: [{ remove: () => removeIptablesMode(runner) }],
  };
}

/** Removes all that a proxy left in this network namespace, in any mode; without a runner, all but nftables. */
export async function cleanupProxy(runner: NftRunner | undefined): Promise<void> {
  await closeLocalhost();
  if (runner !== undefined) await openNftablesMode(runner, ANYWHERE).remove();
  await removeIptablesMode(runner);
}

async function removeIptablesMode(runner: NftRunner | undefined): Promise<void> {
  await removeIptablesRules();
  if (runner !== undefined) await removeTrafficTables(kernelNetfilter(runner));
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
