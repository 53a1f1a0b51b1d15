/** Puts the providers of load balancers together: which there are, and who serves what. */
import { Namespace } from '../../api/core/v1/namespace.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { LOAD_BALANCER_CLASS } from '../../api/metallb/v1beta1/load-balancer-class.ts';
import type { Client } from '../../client/client.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { type Claim, claimMistake, claims, LAYER2, NOBODY } from '../../controllers/cloud/claims.ts';
import type { CloudOptions } from '../../controllers/cloud/cloud.ts';
import type { OciConfig } from '../../controllers/cloud/oci/config.ts';
import type { ReadSecret } from '../../controllers/cloud/oci/load-balancer/certificates.ts';
import type { ControllerName } from '../../controllers/names.ts';
import type { Logger } from '../../host/log.ts';
import type { CloudFlags, DefaultLoadBalancer } from '../cloud-options.ts';
import { UserError } from '../errors.ts';

/** What a process is to do about clouds, with everything read that is read by path. */
export interface CloudPlan {
  readonly flags: CloudFlags;
  readonly default: DefaultLoadBalancer;
  /** Undefined: no cloud. */
  readonly config: OciConfig | undefined;
}

/** What `startControllers` is told. */
export interface CloudParts {
  readonly cloud?: CloudOptions;
  readonly others: readonly Claim[];
}

/** To be called before the process gives its privileges up: credentials are often root's alone. Throws what to mend. */
export async function readCloud(flags: CloudFlags, controllers: ReadonlySet<ControllerName>): Promise<CloudPlan> {
  const { cloudProvider, cloudConfig } = flags;
  if (cloudProvider === undefined) {
    if (cloudConfig === undefined) return { flags, default: defaultOf(flags, controllers), config: undefined };
    throw new UserError('--cloud-config is for a cloud, and none is named.', 'Say --cloud-provider oci too.');
  }
  if (cloudConfig === undefined) {
    const remedy = 'Say --cloud-config FILE; docs/clouds.md has an example.';
    throw new UserError('--cloud-provider needs to know how to reach the cloud.', remedy);
  }
  if (!controllers.has('cloud')) {
    const remedy = 'Leave --cloud-provider out too, or let cloud run.';
    throw new UserError('--cloud-provider is for the controller cloud, which is left out.', remedy);
  }
  return { flags, default: defaultOf(flags, controllers), config: await readConfig(cloudConfig) };
}

async function readConfig(path: string): Promise<OciConfig> {
  const { OciConfigError, readOciConfig } = await import('../../controllers/cloud/oci/config/read.ts');
  try {
    return await readOciConfig(path);
  } catch (cause) {
    if (!(cause instanceof OciConfigError)) throw cause;
    throw new UserError(cause.message, cause.remedy, { cause });
  }
}

/** What the plan asks for, with everything loaded that it takes. */
export type OpenedCloud = CloudPlan & { readonly oci?: OpenedOci };

type OpenOciProvider = typeof import('../../controllers/cloud/oci/oci.ts').ociProvider;
type OpenedOci = (
  options: Pick<Parameters<OpenOciProvider>[0], 'cluster' | 'isDefault' | 'readSecret'>,
) => ReturnType<OpenOciProvider>;

/** To be called before the process gives its privileges up, likewise: the program may lie where only root can read. */
export async function openCloud(plan: CloudPlan, logger: Logger, signal: AbortSignal): Promise<OpenedCloud> {
  const { config } = plan;
  if (config === undefined) return plan;
  const log = logger.child({ component: 'oci' });
  const [{ ociProvider }, { startOciCalls }] = await Promise.all([
    import('../../controllers/cloud/oci/oci.ts'),
    import('../../controllers/cloud/oci/sdk/sdk.ts'),
  ]);
  for (const warning of config.warnings) log.warn({}, warning);
  const calls = await startOciCalls(config, { log }, signal);
  return { ...plan, oci: (options) => ociProvider({ ...options, config, log, calls }) };
}

/** Puts together what was opened. */
export async function startCloud({ flags, default: who, oci }: OpenedCloud, client: Client): Promise<CloudParts> {
  if (oci === undefined) return { others: who === LAYER2 ? [] : [NOBODY] };
  const cluster = flags.clusterName ?? (await clusterOf(client));
  const readSecret: ReadSecret = (key) => client.get(Secret, key).catch(ignoreNotFound);
  const providers = [oci({ cluster, isDefault: who === 'oci', readSecret })];
  const others = who === 'nobody' ? [...providers, NOBODY] : providers;
  mustNotMeet([layer2Claim(who), ...others]);
  const { cloudNodePorts: nodePortSources, cloudSweep: sweep } = flags;
  return { cloud: { providers, nodePortSources, sweep }, others };
}

function defaultOf(flags: CloudFlags, controllers: ReadonlySet<ControllerName>): DefaultLoadBalancer {
  const { cloudProvider, defaultLoadBalancer } = flags;
  if (cloudProvider === undefined) {
    if (defaultLoadBalancer !== 'oci') return defaultLoadBalancer ?? LAYER2;
    throw new UserError(
      '--default-load-balancer oci: this process asks no cloud.',
      'Say nobody where another process asks it, or --cloud-provider oci.',
    );
  }
  if (defaultLoadBalancer !== undefined) return defaultLoadBalancer;
  if (!controllers.has('loadbalancer')) return cloudProvider;
  throw new UserError(
    `Services without a loadBalancerClass could be served by ${LAYER2} or by ${cloudProvider}: only one can.`,
    `Say which: --default-load-balancer ${LAYER2}, ${cloudProvider} or nobody.`,
  );
}

/** As long as nothing in the cluster says otherwise. */
function layer2Claim(who: DefaultLoadBalancer): Claim {
  const own = { classes: [LOAD_BALANCER_CLASS], isDefault: who === LAYER2 };
  return { name: LAYER2, takes: (service) => claims(service, own) };
}

function mustNotMeet(all: readonly Claim[]): void {
  const mistake = claimMistake(all, [LOAD_BALANCER_CLASS]);
  if (mistake !== undefined) throw new UserError(mistake);
}

/** Of a whole cluster there is nothing else that tells it from others for as long as it lives. */
async function clusterOf(client: Client): Promise<string> {
  const { metadata } = await client.get(Namespace, { name: 'kube-system' });
  if (metadata.uid !== undefined) return metadata.uid;
  throw new UserError(
    'The namespace kube-system has no UID to tell this cluster from others by.',
    'Say --cluster-name.',
  );
}
