/**
 * What nodes' agents may do: read what every node has to know, read what the pods that they run name, and write what is their
 * own. What exactly of it is their own, node restriction (`../node-restriction/`) looks up in the objects themselves.
 * https://kubernetes.io/docs/reference/access-authn-authz/node/
 */
import type { Authorizer, Decision, ResourceAttempt, Rules } from './authorizer.ts';
import type { NodeGraph, Referable } from './nodes/graph.ts';
import { NODE_RULES, type NodeRule } from './nodes/rules.ts';
import { nodeOf } from './user.ts';

const PASS: Decision = { kind: 'pass' };
const ALLOWED: Decision = { kind: 'allow', reason: 'agents of nodes need it' };

/** What a node may do depends on its pods, and cannot be told as rules. In the words of Kubernetes. */
const NOT_AS_RULES: Rules = {
  resourceRules: [],
  nonResourceRules: [],
  incomplete: true,
  error: 'node authorizer does not support user rule resolution',
};

/** The authorizer of users `system:node:NAME` in the group `system:nodes`. Has no say in what others do. */
export function nodeAuthorizer(graph: NodeGraph): Authorizer {
  return {
    decide(user, attempt): Decision {
      const node = nodeOf(user);
      if (node === undefined || attempt.kind !== 'resource') return PASS;
      let reason: string | undefined;
      for (const rule of NODE_RULES.get(`${attempt.group}/${attempt.resource}`) ?? []) {
        if (!covers(rule, attempt)) continue;
        reason = whyNot(rule, attempt, node, graph);
        if (reason === undefined) return ALLOWED;
      }
      return reason === undefined ? PASS : { kind: 'pass', reason };
    },
    rulesFor: (user) => (nodeOf(user) === undefined ? undefined : NOT_AS_RULES),
  };
}

function covers(rule: NodeRule, { verb, subresource = '', namespace }: ResourceAttempt): boolean {
  const isThere = rule.namespace === undefined || rule.namespace === namespace;
  return isThere && rule.verbs.includes(verb) && (rule.subresources ?? ['']).includes(subresource);
}

/** Undefined when it may. */
function whyNot(rule: NodeRule, attempt: ResourceAttempt, node: string, graph: NodeGraph): string | undefined {
  const { resource, namespace = '', name, verb } = attempt;
  switch (rule.only) {
    case 'own-name':
      return name === undefined || name === (rule.nameOf ?? same)(node)
        ? undefined
        : `node ${JSON.stringify(node)} may ${verb} only the ${resource} of itself`;
    case 'own-pods':
      return isSelected(attempt, 'spec.nodeName', node)
        ? undefined
        : `can only list and watch pods with the field selector spec.nodeName=${node}`;
    case 'about-one':
      return fieldsOf(attempt).has('involvedObject.name') ? undefined : 'can only list events of one object';
    case 'referenced': {
      const asked = name ?? fieldsOf(attempt).get('metadata.name');
      if (asked === undefined) return `can only ${verb} ${resource} by name`;
      const isRelated = graph.mayRead(node, resource as Referable, namespace, asked);
      return isRelated ? undefined : `no relationship found between node ${JSON.stringify(node)} and this object`;
    }
    default:
      return undefined;
  }
}

const same = (node: string): string => node;

function isSelected(attempt: ResourceAttempt, field: string, value: string): boolean {
  return fieldsOf(attempt).get(field) === value;
}

/** What a field selector asks to be equal to a value: all of it holds, so a part of it can be relied on. */
function fieldsOf({ fieldSelector = '' }: ResourceAttempt): ReadonlyMap<string, string> {
  const terms = fieldSelector.split(',').map((term) => /^([^=!]+)==?([^=!]+)$/.exec(term.trim()));
  return new Map(terms.flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const])));
}
