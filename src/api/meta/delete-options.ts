/** meta/v1 DeleteOptions: what is said with the deletion of an object, and with an eviction. */
import { boolean, int64, list, object, string } from '../schema.ts';

/** Its fields. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/ */
export const deleteOptions = object({
  apiVersion: string(),
  kind: string(),
  gracePeriodSeconds: int64(),
  preconditions: object({ uid: string(), resourceVersion: string() }),
  orphanDependents: boolean(),
  propagationPolicy: string(),
  dryRun: list(string()),
});
