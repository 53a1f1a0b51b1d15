/** Several nodes, a LAN and a client outside the cluster, as network namespaces on one machine. */
export { type CutOptions, labCut, labHeal } from './cut.ts';
export { type DownOptions, labDown } from './down.ts';
export { LabError } from './error.ts';
export { labExec, type PlaceCommand } from './exec.ts';
export { labStart, labStop } from './hold.ts';
export type { LinkFault } from './links.ts';
export type { NodeFirewall } from './node-firewall.ts';
export type {
  AgentCommand,
  AgentCredentials,
  EtcdAccess,
  Join,
  LabCommands,
  LabOptions,
  ServerCommand,
} from './options.ts';
export { type LabRunOptions, labRun } from './run.ts';
export { type LabStatus, labStatus, type PlaceStatus } from './status.ts';
export type { LabSpec, LabStore } from './topology.ts';
export { labUp } from './up.ts';
