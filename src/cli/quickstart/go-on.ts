/** How to go on with a cluster that was kept, as lines to type. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface KeptCluster {
  /** The lab's directory. */
  readonly dir: string;
  /** An address of the Service that the client outside reaches, as a URL. */
  readonly url: string;
  /** The folder that the set-up brought kubectl to, when the system has none of its own. */
  readonly tools: string | undefined;
}

export function goOn({ dir, url, tools }: KeptCluster): string {
  const at = quoted(dir);
  return `
The cluster is still there. To go on, in this checkout:
  export KUBECONFIG=${quoted(join(dir, 'kubeconfig'))}
${tools === undefined ? '' : `  export PATH="$PATH":${quoted(tools)}   # kubectl is there\n`}  kubectl get virtualmachines,services,pods -A
  ./postern lab exec --dir ${at} client -- curl -s ${url}
  ./postern vm console example-vm -n example-namespace --data-dir ${at}
To take it down:
  ./postern lab down --dir ${at}
`;
}

/** `tools` when it is the only folder of `path` that has kubectl: then the user's own shell finds none. */
export function broughtKubectl(path: string, tools: string): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return folders.find((folder) => isProgram(join(folder, 'kubectl'))) === tools ? tools : undefined;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** As a shell reads it back. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
