/** core/v1 ServiceAccount: who pods are to the API. https://kubernetes.io/docs/concepts/security/service-accounts/ */
import { TokenRequest } from '../../authentication/v1/tokenrequest.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { boolean, listMap, object, string, type TypeOf, withDefault } from '../../schema.ts';

/** The account of pods that name none. Every namespace has one. */
export const DEFAULT_SERVICE_ACCOUNT = 'default';

const fields = object(
  {
    automountServiceAccountToken: boolean('Whether pods get a token where they do not say. Default: true.'),
    imagePullSecrets: listMap(object({ name: withDefault(string(), '') }), ['name'], 'For pods that name none.'),
    secrets: listMap(
      object({
        apiVersion: string(),
        kind: string(),
        namespace: string(),
        name: string(),
        uid: string(),
        resourceVersion: string(),
        fieldPath: string(),
      }),
      ['name'],
    ),
  },
  'An identity for what runs in pods.',
);
export type ServiceAccount = Resource<TypeOf<typeof fields>>;

export const ServiceAccount = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  generation: false,
  schema: fields,
  calls: { token: { kind: TokenRequest, verbs: ['create'] } },
  columns: [{ name: 'Secrets', type: 'string', value: ({ secrets }) => String(secrets?.length ?? 0) }],
});
