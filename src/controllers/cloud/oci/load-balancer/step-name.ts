/** Changes of load balancers, as they are told to people. */
import type { Step } from './model.ts';

export function stepName(step: Step): string {
  switch (step.kind) {
    case 'create-backend-set':
    case 'update-backend-set':
      return `${verb(step.kind)} the backend set ${step.backendSet.name}`;
    case 'create-listener':
    case 'update-listener':
      return `${verb(step.kind)} the listener ${step.listener.name}`;
    case 'delete-backend-set':
      return `deleting the backend set ${step.name}`;
    case 'delete-listener':
      return `deleting the listener ${step.name}`;
    case 'create-certificate':
      return `creating the certificate ${step.name}`;
    case 'delete-certificate':
      return `deleting the certificate ${step.name}`;
    case 'update-shape':
      return `changing the shape to ${step.shape.name}`;
    case 'update-groups':
      return 'changing the network security groups';
    case 'update-ip-version':
      return `changing the IP version to ${step.ipVersion}`;
    case 'update-tags':
      return 'changing the tags';
  }
}

const verb = (kind: string): string => (kind.startsWith('create') ? 'creating' : 'changing');
