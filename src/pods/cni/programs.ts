/** The texts of what is put into a runtime's folders. Each says that it is ours, and is found again by that. */
import { CNI_CODES } from './errors.ts';
import { plugin } from './plugin.ts';
import { CNI_VERSIONS } from './request.ts';

/** In every file of ours. */
export const MARK = 'put here by postern';
/** Comes before what others have, as a rule: runtimes take the first by name. */
export const CONFIGURATION = '00-postern.conflist';
/** Name of the plugin's program, and its type in the configuration. */
export const PROGRAM = 'postern';
/** The plugin that brings up a sandbox's loopback interface: runtimes ask for it whatever else there is. */
export const LOOPBACK = 'loopback';

/** The network of this node's pods: https://www.cni.dev/docs/spec/#configuration-format */
export function configurationText(): string {
  const network = {
    cniVersion: '1.0.0',
    name: 'postern',
    plugins: [{ type: PROGRAM, capabilities: { portMappings: true } }],
    comment: MARK,
  };
  return `${JSON.stringify(network, undefined, 2)}\n`;
}

/** The program that asks the agent, as JavaScript (CommonJS). */
export function pluginText(socketPath: string): string {
  const settings = { socketPath, versions: CNI_VERSIONS, later: CNI_CODES.tryAgainLater };
  return `// ${MARK}\n(${plugin})(${JSON.stringify(settings)});\n`;
}

/** What the runtime starts. `node` is the program that runs the agent too. */
export function programText(node: string, pluginPath: string): string {
  return `#!/bin/sh\n# ${MARK}\nexec ${quoted(node)} ${quoted(pluginPath)}\n`;
}

/** For a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A shell's few words, as it has nothing to ask anybody. It answers in the version that it is asked in. */
export const LOOPBACK_TEXT = `#!/bin/sh
# ${MARK}
conf=
while IFS= read -r line || [ -n "$line" ]; do conf=$conf$line; line=; done
version=1.0.0
case $conf in *'"cniVersion":"'*) version=\${conf#*'"cniVersion":"'}; version=\${version%%'"'*} ;; esac
case $version in *[!0-9.]*) version=1.0.0 ;; esac

case $CNI_COMMAND in
VERSION) printf '{"cniVersion":"%s","supportedVersions":["0.3.1","0.4.0","1.0.0"]}\\n' "$version" ;;
ADD | CHECK)
  if ! said=$(nsenter --net="$CNI_NETNS" ip link set lo up 2>&1); then
    printf '%s\\n' "$said" >&2
    printf '{"cniVersion":"%s","code":${CNI_CODES.ioFailure},"msg":"cannot bring lo up"}\\n' "$version"
    exit 1
  fi
  [ "$CNI_COMMAND" = CHECK ] ||
    printf '{"cniVersion":"%s","interfaces":[{"name":"lo","mac":"00:00:00:00:00:00"}],"dns":{}}\\n' "$version"
  ;;
DEL) ;;
*)
  printf '{"cniVersion":"%s","code":${CNI_CODES.invalidEnvironment},"msg":"invalid CNI_COMMAND"}\\n' "$version"
  exit 1
  ;;
esac
`;
