/**
 * The wrapping of a lab: a PID namespace whose first process ends with the lab, so that the kernel ends all the rest, and
 * with the last process of a network namespace its interfaces and rules. For ordinary users, a user namespace around it.
 */

/**
 * The first process of the namespace. It reaps orphans, which Node.js would not: a guest whose starter has ended is an
 * orphan, and a zombie would look alive. `wait` returns early for a trapped signal, hence the loop.
 */
const INIT = `
trap 'kill -TERM "$lab" 2>/dev/null' TERM INT HUP
"$@" &
lab=$!
while :; do
  wait "$lab"
  status=$?
  kill -0 "$lab" 2>/dev/null || exit "$status"
done
`;

/** The command line that runs `argv` in namespaces of its own, with a /proc that shows only these. */
export function isolatedArgv(argv: readonly string[], options: { readonly userNamespace: boolean }): readonly string[] {
  const user = options.userNamespace ? ['--user', '--map-root-user'] : [];
  const namespaces = [...user, '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return ['unshare', ...namespaces, '--', 'sh', '-c', INIT, 'postern-lab', ...argv];
}

/** How to become part of a place from outside: the ids are those that the caller sees. */
export interface Entrance {
  /** A process in the place. */
  readonly pid: number;
  readonly userNamespace: boolean;
}

/** The command line that runs `argv` in a place, from outside the lab. The command ends when this does. */
export function entranceArgv({ pid, userNamespace }: Entrance, argv: readonly string[]): readonly string[] {
  const user = userNamespace ? ['--user', '--preserve-credentials'] : [];
  const namespaces = [...user, '--mount', '--pid', '--net', '--uts'];
  return ['nsenter', `--target=${pid}`, ...namespaces, '--', 'setpriv', '--pdeathsig', 'KILL', '--', ...argv];
}
