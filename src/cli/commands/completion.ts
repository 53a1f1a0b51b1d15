/** `postern completion`: scripts that let a shell complete commands and options. */
import { Argument, type Command } from 'commander';

export function addCompletionCommand(postern: Command): void {
  postern
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nExample:\n  source <(postern completion bash)')
    .action((shell: 'bash' | 'zsh' | 'fish') => {
      process.stdout.write(SCRIPTS[shell](paths(postern)));
    });
}

/** For each command path (`postern vm restart`), the words that may follow it. */
type Words = readonly { readonly path: string; readonly words: readonly string[] }[];

function paths(command: Command, prefix = ''): Words {
  const path = prefix === '' ? command.name() : `${prefix} ${command.name()}`;
  const own = command.options.flatMap((option) =>
    option.long === undefined || option.long === null ? [] : [option.long],
  );
  const children = command.commands.map((child) => child.name());
  return [{ path, words: [...children, ...own, '--help'] }, ...command.commands.flatMap((child) => paths(child, path))];
}

const bash = (words: Words): string => `_postern() {
  local current=\${COMP_WORDS[COMP_CWORD]} path=postern word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
${words
  .slice(1)
  .map(({ path }) => `      "${path}") path="${path}" ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${words.map(({ path, words: list }) => `    "${path}") COMPREPLY=($(compgen -W "${list.join(' ')}" -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _postern postern ./postern
`;

const SCRIPTS: Readonly<Record<'bash' | 'zsh' | 'fish', (words: Words) => string>> = {
  bash,
  // zsh runs bash's completion functions.
  zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`,
  fish: (words) =>
    words
      .flatMap(({ path, words: list }) => {
        const parents = path.split(' ').slice(1);
        const when =
          parents.length === 0
            ? '__fish_use_subcommand'
            : parents.map((parent) => `__fish_seen_subcommand_from ${parent}`).join('; and ');
        return list.map((word) =>
          word.startsWith('--')
            ? `complete -c postern -n '${when}' -l ${word.slice(2)}`
            : `complete -c postern -f -n '${when}' -a ${word}`,
        );
      })
      .join('\n')
      .concat('\n'),
};
