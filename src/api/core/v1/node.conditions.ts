/** Conditions of Nodes beside those of Kubernetes. */

/** Whether a node of Postern's can run containers, and why not. Its agent says so, the scheduler goes by it. */
export const RUNTIME_CONDITION = 'postern.dev/ContainerRuntimeReady';
