/** Which folder may import which, as ARCHITECTURE.md's table says it, and what the sources say instead. All pure. */

/** Folder to the folders it may import; `all` lifts the limit. */
export type ImportTable = ReadonlyMap<string, ReadonlySet<string> | 'all'>;

/** One relative import: the importing file and line, and the file that is meant, both relative to `src/`. */
export interface Import {
  readonly file: string;
  readonly line: number;
  readonly target: string;
  /** `import type` is erased: it binds folders together, but makes no cycle when the program runs. */
  readonly typeOnly: boolean;
}

/** Something the table or the absence of cycles forbids. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Folders that every other may import. */
const FOR_ALL = 'lib';
/** Tests put parts together as they need them, contract suites included; the program itself never imports what is for tests. */
const FOR_TESTS = /\.test\.ts$|\.fixture\.ts$|(^|\/)(testing|contract)(\/|\.ts$)|^\.\.\/test\//;

/** Reads the rows of the table whose columns are `folder`, what lives there, and `may import`. */
export function parseImportTable(markdown: string): ImportTable {
  const rows = markdown
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  const table = new Map<string, ReadonlySet<string> | 'all'>();
  for (const [, first = '', , third = ''] of rows) {
    const folder = /^`([\w-]+)\/`$/.exec(first)?.[1];
    if (folder === undefined) continue;
    table.set(folder, third === 'all' ? 'all' : new Set(third.match(/[\w]+/g)?.filter((word) => word !== 'nothing')));
  }
  return table;
}

/** Every relative import and re-export of a file, dynamic ones and those over several lines included. */
export function parseImports(file: string, source: string): readonly Import[] {
  const imports: Import[] = [];
  const statement =
    /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+['"](\.[^'"]+)['"]|^\s*import\s+()['"](\.[^'"]+)['"]|\bimport\(\s*()['"](\.[^'"]+)['"]/gm;
  for (const match of source.matchAll(statement)) {
    const path = match[2] ?? match[4] ?? match[6] ?? '';
    const start = match.index + match[0].length - match[0].trimStart().length;
    const line = source.slice(0, start).split('\n').length;
    imports.push({ file, line, target: resolve(file, path), typeOnly: match[1] !== undefined });
  }
  return imports;
}

/** Imports between folders that the table does not allow, and folders that it does not know. */
export function forbiddenImports(table: ImportTable, imports: readonly Import[]): readonly Violation[] {
  return imports.flatMap(({ file, line, target }) => {
    if (FOR_TESTS.test(file)) return [];
    if (FOR_TESTS.test(target)) return [{ file, line, message: `only tests may import ${target}` }];
    const from = folderOf(file);
    const to = folderOf(target);
    if (from === to || to === FOR_ALL) return [];
    const allowed = table.get(from);
    if (allowed === undefined) return [{ file, line, message: `the table has no folder ${from || '(src itself)'}` }];
    if (allowed === 'all' || allowed.has(to)) return [];
    return [{ file, line, message: `${from} may not import ${to || '(src itself)'}: ${target}` }];
  });
}

/** One violation for each group of files that import each other in a circle when the program runs. */
export function importCycles(imports: readonly Import[]): readonly Violation[] {
  const edges = new Map<string, Import[]>();
  for (const edge of imports.filter((each) => !each.typeOnly)) {
    const others = edges.get(edge.file);
    if (others === undefined) edges.set(edge.file, [edge]);
    else others.push(edge);
  }
  const done = new Set<string>();
  const violations: Violation[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (done.has(file)) return;
    for (const { target, line } of edges.get(file) ?? []) {
      const start = [...path, file].indexOf(target);
      if (start >= 0) {
        const circle = [...path, file].slice(start);
        violations.push({ file, line, message: `import cycle: ${[...circle, target].join(' -> ')}` });
      } else {
        visit(target, [...path, file]);
      }
    }
    done.add(file);
  };
  for (const file of [...edges.keys()].sort()) visit(file, []);
  return violations;
}

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : '';
}

function resolve(file: string, relative: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of relative.split('/')) {
    if (part === '..' && parts.length === 0) parts.push('..');
    else if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
