/** What tells a node from another of the same name. */

/** The annotation of a Node, and of a request for a node's certificate, that holds what its agent made up when it was first started. */
export const AGENT_ID = 'postern.dev/agent-id';
