/** Whether somebody may do something, and what the asker may do: `kubectl auth can-i`. */
import {
  LocalSubjectAccessReview,
  type NonResourceAttributes,
  type ResourceAttributes,
  type ReviewedSelector,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  type SubjectAccessReviewStatus,
} from '../../api/authorization/v1/reviews.ts';
import { badRequest } from '../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Attempt } from '../auth/authorizer.ts';
import type { User } from '../auth/user.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { answered, received } from './called.ts';

export async function reviewSelfAccess(api: Api, request: ResourceRequest): Promise<Answer> {
  const review = received<SelfSubjectAccessReview>(request, SelfSubjectAccessReview);
  const status = judge(api, request.user, review.spec);
  return answered(SelfSubjectAccessReview, { ...review, status } as SelfSubjectAccessReview);
}

export async function reviewAccess(api: Api, request: ResourceRequest): Promise<Answer> {
  const review = received<SubjectAccessReview>(request, SubjectAccessReview);
  return answered(SubjectAccessReview, { ...review, status: judgeOther(api, review) } as SubjectAccessReview);
}

/** As {@link reviewAccess}, for those who may ask about one namespace. */
export async function reviewLocalAccess(api: Api, request: ResourceRequest): Promise<Answer> {
  const review = received<SubjectAccessReview>(request, LocalSubjectAccessReview);
  return answered(LocalSubjectAccessReview, { ...review, status: judgeOther(api, review) } as SubjectAccessReview);
}

export async function reviewRules({ access }: Api, request: ResourceRequest): Promise<Answer> {
  const review = received<SelfSubjectRulesReview>(request, SelfSubjectRulesReview);
  const { namespace = '' } = review.spec;
  if (namespace === '') throw badRequest('no namespace on request');
  const { resourceRules, nonResourceRules, incomplete, error } = access.rulesFor(request.user, namespace);
  const status = {
    resourceRules: resourceRules.map(({ nonResourceURLs: _, ...rule }) => rule),
    nonResourceRules: nonResourceRules.map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete,
    ...(error === undefined ? {} : { evaluationError: error }),
  };
  return answered(SelfSubjectRulesReview, { ...review, status } as SelfSubjectRulesReview);
}

interface Spec {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: NonResourceAttributes;
}

function judgeOther(api: Api, { spec }: SubjectAccessReview): SubjectAccessReviewStatus {
  const { user: name = '', groups = [], uid, extra } = spec;
  const user = { name, groups, ...(uid ? { uid } : {}), ...(extra === undefined ? {} : { extra }) };
  return judge(api, user, spec);
}

function judge({ access }: Api, user: User, spec: Spec): SubjectAccessReviewStatus {
  const { kind, reason } = access.decide(user, attemptOfSpec(spec));
  return { allowed: kind === 'allow', ...(reason === undefined ? {} : { reason }) };
}

function attemptOfSpec({ resourceAttributes, nonResourceAttributes }: Spec): Attempt {
  if (resourceAttributes === undefined) {
    const { path = '', verb = '' } = nonResourceAttributes ?? {};
    return { kind: 'path', verb, path };
  }
  const { verb = '', group = '', resource = '', subresource, namespace, name } = resourceAttributes;
  return {
    kind: 'resource',
    verb,
    group,
    resource,
    subresource: subresource || undefined,
    namespace: namespace || undefined,
    name: name || undefined,
    fieldSelector: printSelector(resourceAttributes.fieldSelector),
    labelSelector: printSelector(resourceAttributes.labelSelector),
  };
}

/** As a query would say it. What it cannot say is left out, as Kubernetes does: a wider attempt needs more rights, not fewer. */
function printSelector(selector: ReviewedSelector | undefined): string | undefined {
  if (selector === undefined) return undefined;
  if (selector.rawSelector) return selector.rawSelector;
  const parts = (selector.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    const [value] = values;
    if (operator === 'Exists') return [key];
    if (operator === 'DoesNotExist') return [`!${key}`];
    if (values.length !== 1 || value === undefined) return [];
    return operator === 'In' ? [`${key}=${value}`] : operator === 'NotIn' ? [`${key}!=${value}`] : [];
  });
  return parts.length === 0 ? undefined : parts.join(',');
}
