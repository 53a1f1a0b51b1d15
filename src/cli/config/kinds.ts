/** Which configuration files there are, and which command reads which. */

export const CONFIG_API_VERSION = 'config.postern.dev/v1';

/** The kind of a file, and the command that it is for. */
export const CONFIG_COMMANDS = {
  ServerConfiguration: 'server',
  AgentConfiguration: 'agent',
  UpConfiguration: 'up',
} as const;

export type ConfigKind = keyof typeof CONFIG_COMMANDS;

export const CONFIG_KINDS = Object.keys(CONFIG_COMMANDS) as readonly ConfigKind[];

export const isConfigKind = (text: string): text is ConfigKind => Object.hasOwn(CONFIG_COMMANDS, text);
