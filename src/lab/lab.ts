/** Several nodes, a LAN and a client outside the cluster, as network namespaces on one machine. */
export { type DownOptions, labDown } from './down.ts';
export { LabError } from './error.ts';
export { labExec, type PlaceCommand } from './exec.ts';
export type { NodeFirewall } from './node-firewall.ts';
export type { AgentCommand, LabCommands, LabOptions, ServerCommand } from './options.ts';
export { type LabRunOptions, labRun } from './run.ts';
export { type LabStatus, labStatus, type PlaceStatus } from './status.ts';
export type { LabSpec } from './topology.ts';
export { labUp } from './up.ts';
