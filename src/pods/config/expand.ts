/**
 * `$(NAME)` in commands, arguments and variables.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */

/** Linux takes no longer argument or variable: MAX_ARG_STRLEN, execve(2). */
const LIMIT = 131_072;

/**
 * Puts values in the place of references. `$$` stands for `$`, so `$$(NAME)` is never a reference. A reference to what `lookUp`
 * does not know stays as it is. Undefined when the result would be longer than the 128 KiB that no program could be started
 * with: values that refer to values can double with each step.
 */
export function expand(text: string, lookUp: (name: string) => string | undefined): string | undefined {
  let length = text.length;
  const expanded = text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => {
    if (length >= LIMIT) return '';
    const value = name === undefined ? '$' : (lookUp(name) ?? whole);
    length += value.length - whole.length;
    return value;
  });
  return length < LIMIT ? expanded : undefined;
}
