/** Gives a pod its node: `pods/NAME/binding`, and the old `bindings`. Follows assignPod of Kubernetes' pod storage. */
import { Binding } from '../../api/core/v1/binding.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { withCondition } from '../../api/meta/conditions.ts';
import { conflict, notFound } from '../../api/status.ts';
import { type Answer, success } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { change, targetOf } from '../storage/change.ts';
import { checkVersion } from '../verbs/complete.ts';
import { isDryRun } from '../verbs/options.ts';
import { received } from './called.ts';

/** Gives a pod its node, once. Throws an ApiError: 409 when it has one. */
export async function bind(api: Api, request: ResourceRequest): Promise<Answer> {
  const binding = received<Binding>(request, Binding);
  const name = request.name ?? binding.metadata.name ?? '';
  const now = api.clock.now();
  await change(api, targetOf(request, { kind: Pod, name, dryRun: isDryRun(request) }), (current) => {
    if (current === undefined) throw notFound(Pod, name);
    const pod = current.object as Pod;
    checkVersion(Pod, binding, pod);
    const why = whyNot(pod);
    if (why !== undefined) throw conflict(Binding, name, why);
    return { act: 'put', object: bound(pod, binding, now) };
  });
  return success(Pod, name, undefined, 201);
}

/** Why a pod cannot be given a node; undefined when it can. */
function whyNot({ metadata: { name = '', deletionTimestamp }, spec = {} }: Pod): string | undefined {
  if (deletionTimestamp !== undefined) return `pod ${name} is being deleted, cannot be assigned to a host`;
  if (spec.nodeName) return `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`;
  const isGated = (spec.schedulingGates ?? []).length > 0;
  return isGated ? `pod ${name} has non-empty .spec.schedulingGates` : undefined;
}

function bound(pod: Pod, { target, metadata }: Binding, now: number): Pod {
  const annotations = { ...pod.metadata.annotations, ...metadata.annotations };
  // As in Kubernetes: that the condition is true needs no reason.
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const scheduled = withCondition(others, { type: 'PodScheduled', status: 'True' }, now);
  return {
    ...pod,
    metadata: { ...pod.metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: { ...pod.spec, nodeName: target.name ?? '' },
    status: { ...status, conditions: scheduled },
  };
}
